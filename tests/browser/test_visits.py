"""Links, reloads and several visitors in a real browser."""

import re

from playwright.sync_api import expect

LINK = "/compare?data=ring&data.n=500&training.epochs=2&s1=first&s2=second&s2.weighting=sqrt&seeds=3,4"
LONG = "/compare?data.n=20000&training.epochs=4000&s1=plain&seeds=0"
TRAIN = re.compile("^Train(?! these)")


def test_a_link_opens_its_experiment_even_as_the_first_thing_a_server_is_asked_for(visit, fresh_server) -> None:
    with visit(server=fresh_server) as guest:
        page = guest.open(LINK)
        expect(page.get_by_text("Ring of Gaussians · 500 training rows · 3 classes")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("2 strategies · seeds 3–4")).to_be_visible()
        expect(page.get_by_role("link", name="Start")).to_be_visible()


def test_who_reloads_finds_the_training_again(visitor) -> None:
    page = visitor.open(LONG)
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text(re.compile("Epoch [1-9]"))).to_be_visible(timeout=30_000)
    page.reload()
    visitor.settle()
    expect(page.get_by_text(re.compile(r"Epoch [1-9]\d* of 4000"))).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name=re.compile(r"^Stop\s?S"))).to_be_enabled()
    page.get_by_role("button", name=re.compile(r"^Stop\s?S")).click()
    expect(page.get_by_text("· stopped")).to_be_visible(timeout=10_000)


def test_who_types_a_bare_address_keeps_the_experiment_of_the_tab(visitor) -> None:
    page = visitor.open(LINK)
    expect(page.get_by_text("2 strategies · seeds 3–4")).to_be_visible()
    page = visitor.open("/decisions")
    expect(page.get_by_text("Ring of Gaussians · 500 training rows · 3 classes")).to_be_visible()
    page = visitor.open(LINK.replace("500", "700"))
    expect(page.get_by_text("Ring of Gaussians · 700 training rows · 3 classes")).to_be_visible()


def test_two_visitors_have_their_own_data_and_training(visit) -> None:
    with visit() as one, visit(theme="dark") as other:
        first = one.open("/compare?data.n=1000&training.epochs=3&s1=mine")
        second = other.open("/compare?data=ring&data.n=800&training.epochs=2&s1=theirs")
        first.get_by_role("button", name=TRAIN).click()
        second.get_by_role("button", name=TRAIN).click()
        expect(first.get_by_text("Epoch 3 of 3")).to_be_visible(timeout=60_000)
        expect(second.get_by_text("Epoch 2 of 2")).to_be_visible(timeout=60_000)
        assert "theirs" not in first.inner_text("body") and "mine" not in second.inner_text("body")


def test_leaving_the_page_and_coming_back_keeps_settings_and_training(visitor) -> None:
    page = visitor.open("/compare?data.n=1000&training.epochs=3&s1=mine")
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_role("heading", name="What would the weights be?", exact=True)).to_be_visible()
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_text("A mine").last).to_be_visible()
    expect(page.get_by_text("· finished")).to_be_visible()
