"""Every card: both snippets run, the claim holds, the numbers of its sentence are those of the runs, its links lead on."""

import dataclasses
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from lib.pitfalls import PITFALLS, THEMES, WORDS, Ran, address, search, search_words
from lib.pitfalls.pitfall import CRITERIA
from lib.pitfalls.shape_lab import PRESETS
from lib.pitfalls.snippet import run, whole
from lib.scenarios import SCENARIOS
from tests.test_layers import GLOBAL_STATE

KEYS = list(PITFALLS)
CONFUSIONS = {  # row of the list of confusions -> its cards
    1: ["mean_is_not_none_mean"], 2: ["common_factor", "scale_and_optimiser"], 3: ["batch_of_one", "equal_rows"],
    4: ["small_batches"], 5: ["one_hot_targets"], 6: ["label_smoothing"], 7: ["padding_in_the_mean"], 8: ["all_ignored"],
    9: ["weight_zero"], 10: ["pos_weight_or_weight"], 11: ["bce_has_no_pos_weight"], 12: ["which_way_round"],
    13: ["two_outputs_or_one"], 14: ["two_values_for_one_output"], 15: ["pos_weight_of_a_picture", "width_equals_classes"],
    16: ["weight_per_row", "rows_equal_labels"], 17: ["last_batch"], 18: ["missing_class"], 19: ["weight_order"],
    20: ["weight_dtype", "half_logits", "weight_is_a_number", "integer_logits"],
    21: ["device", "plain_attribute", "weight_is_an_alias"], 22: ["sigmoid_twice"], 23: ["softmax_twice"],
    24: ["clamped_log", "fading_gradient"], 25: ["one_output_softmax"], 26: ["sequence_axes", "time_equals_classes"],
    27: ["sampler_wants_rows"], 28: ["without_replacement", "coverage"], 29: ["sampler_and_weights"],
    30: ["weighted_probabilities", "threshold_instead"], 31: ["train_and_validation", "constant_half"],
    32: ["gradient_accumulation"], 33: ["several_ranks"], 34: ["focal_alpha"], 35: ["weights_fade"], 36: ["accuracy_fell"],
    37: ["negative_weight"],
}  # fmt: skip
FROM_THE_SEEDS = {"hand_made_mask", "unsqueezed_weight"}


def snippets() -> dict[str, str]:
    """Every snippet that is run, by a name."""
    cards = {f"{key}/{side}": getattr(card, side) for key, card in PITFALLS.items() for side in ("wrong", "right")}
    return {name: code for name, code in cards.items() if name != "device/wrong"} | {k: w.code for k, w in WORDS.items()}


def test_a_link_means_one_card_or_one_word() -> None:
    assert not set(PITFALLS) & set(WORDS)


def test_every_confusion_has_a_card() -> None:
    assert sorted(CONFUSIONS) == list(range(1, 38))
    listed = {key for keys in CONFUSIONS.values() for key in keys}
    assert listed | FROM_THE_SEEDS == set(PITFALLS)


@pytest.mark.parametrize("key", KEYS)
def test_the_claim_holds_on_this_torch(key) -> None:
    card = PITFALLS[key]
    wrong, right = card.runs()
    assert card.holds()
    assert right.printed and not right.error
    assert wrong.output and wrong.output != right.output


@pytest.mark.parametrize("key", KEYS)
def test_the_wrong_code_fails_by_an_error_or_by_a_number(key) -> None:
    """Either torch refuses, or the numbers that are printed differ from those of the right code."""
    wrong, right = PITFALLS[key].runs()
    numbers = [re.findall(r"-?\d+\.?\d*|nan", run.printed) for run in (wrong, right)]
    assert wrong.error or numbers[0] != numbers[1] or key == "plain_attribute"


@pytest.mark.parametrize("text", [*PITFALLS.values(), *WORDS.values()], ids=lambda card: card.key)
def test_a_sentence_has_no_number_of_its_own(text) -> None:
    fields = re.compile(r"\{[^{}]*\}")
    assert not re.search(r"\d", fields.sub("", re.sub(r"`[^`]*`", "", text.why))), text.why
    shown = text.sentence()
    assert "{" not in shown and shown.endswith(".") and "!" not in shown


def test_a_sentence_follows_the_run() -> None:
    card = PITFALLS["common_factor"]
    other = dataclasses.replace(card, wrong=card.wrong.replace("[2., 0.]", "[4., 0.]"))
    assert other.sentence() != card.sentence()
    assert f"{other.runs()[0]['before']:.4f}" in other.sentence()


def test_a_card_whose_claim_no_longer_holds_says_so() -> None:
    card = PITFALLS["batch_of_one"]
    assert not dataclasses.replace(card, wrong=card.right).holds()
    assert not dataclasses.replace(card, wrong=whole("nothing = 1")).holds()


@pytest.mark.parametrize("word", WORDS.values(), ids=lambda word: word.key)
def test_a_word_runs_and_means_what_it_says(word) -> None:
    ran = word.run()
    assert ran.printed and not ran.error and word.function(ran)


def test_pasted_into_a_plain_python_they_print_the_same() -> None:
    """All snippets in one new process, with Python's own print and builtins."""
    program = (
        "import contextlib, io, json, sys\n"
        "for name, code in json.load(sys.stdin).items():\n"
        "    out = io.StringIO()\n"
        "    with contextlib.redirect_stdout(out):\n"
        "        try: exec(compile(code, name, 'exec'), {'__name__': '__main__'})\n"
        "        except Exception as e: print(f'{type(e).__name__}: {e}')\n"
        "    print(json.dumps([name, out.getvalue().rstrip('\\n')]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], input=json.dumps(snippets()), capture_output=True, text=True, check=True
    )
    printed = dict(json.loads(line) for line in done.stdout.splitlines())
    assert printed == {name: run(code).output for name, code in snippets().items()}


@pytest.mark.parametrize("code", snippets().values(), ids=snippets())
def test_a_snippet_touches_nothing_that_visitors_share(code) -> None:
    assert not GLOBAL_STATE.search(code)
    state = torch.random.get_rng_state()
    run.__wrapped__(code)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32


def test_runs_in_threads_do_not_mix_and_leave_stdout_alone(capfd) -> None:
    codes = list(snippets().values()) * 2
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(run.__wrapped__, codes))
    assert [ran.output for ran in found] == [run(code).output for code in codes]
    assert capfd.readouterr().out == ""


def test_a_snippet_runs_once_in_a_process() -> None:
    for code in snippets().values():
        run(code)
    before = run.cache_info()
    for code in snippets().values():
        run(code)
    after = run.cache_info()
    assert after.misses == before.misses and after.currsize <= after.maxsize
    assert len(snippets()) < after.maxsize


@pytest.mark.parametrize("line", ["import os", "from subprocess import run", "open('x')", "eval('1')", "__import__('sys')"])
def test_what_a_snippet_cannot_reach(line) -> None:
    assert re.match("ImportError|NameError", run(whole(line)).error)


def test_hardware_is_recorded_and_not_run() -> None:
    recorded = [card for card in PITFALLS.values() if card.recorded]
    assert [card.key for card in recorded] == ["device"]
    assert recorded[0].runs()[0].output == recorded[0].recorded
    if not torch.cuda.is_available():
        assert run(recorded[0].wrong).error  # indeed it cannot be run here


@pytest.mark.parametrize("key", KEYS)
def test_every_link_leads_somewhere(key) -> None:
    card = PITFALLS[key]
    assert card.see and card.threads and card.theme in THEMES
    assert {see.page for see in card.see} - {"receipt"}
    for see in card.see:
        if see.page == "guide":
            assert see.preset in PRESETS
        elif see.page == "receipt" and see.preset in CRITERIA:
            batch = card.batch()
            assert {"logits", "targets"} <= set(batch) and len(batch["logits"]) == len(batch["targets"]) <= 50
        elif see.page != "receipt":
            assert see.preset in SCENARIOS


def test_addresses_are_made_of_what_is_known_only() -> None:
    assert address("pytorch/pytorch#8062") == "https://github.com/pytorch/pytorch/issues/8062"
    assert address("discuss 11455") == "https://discuss.pytorch.org/t/11455"
    assert address("arXiv 1812.03372") == "https://arxiv.org/abs/1812.03372"
    for unknown in ("autrainer PR 86", "a forum thread on an LSTM with outputs [batch, seq]", "ai.stackexchange 37618"):
        assert address(unknown) is None
    known = [thread for card in PITFALLS.values() for thread in card.threads if address(thread)]
    assert len(known) > 60


def test_search_narrows_and_filters() -> None:
    assert len(search("")) == len(PITFALLS)
    assert [card.key for card in search("broadcast shape [4, 4]")] == ["unsqueezed_weight"]
    assert {card.key for card in search("NaN")} == {"all_ignored"}
    assert "focal_alpha" in {card.key for card in search("", "focal")} and len(search("", "focal")) == 1
    assert all("BCELoss" in card.losses for card in search("pos_weight", "BCELoss"))
    assert [card.key for card in search("pytorch#104776")] == ["label_smoothing"]
    assert [word.key for word in search_words("precision recall")] == ["recall"]
    assert [word.key for word in search_words("", "focal")] == ["focal"]


@pytest.mark.parametrize("hostile", ["(((", "%s{0}", "<script>", "a" * 100_000, "\x00", "🙂"])
def test_a_hostile_search_finds_nothing(hostile) -> None:
    assert search(hostile) == [] and search_words(hostile) == []


def test_a_run_that_ended_early_lacks_what_came_after() -> None:
    ran = run(whole("before = 1.\nraise ValueError('stop')\nafter = 2."))
    assert isinstance(ran, Ran) and ran["before"] == 1 and ran.error == "ValueError: stop"
    with pytest.raises(KeyError):
        ran["after"]
