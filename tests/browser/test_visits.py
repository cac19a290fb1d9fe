"""Links, reloads and several visitors in a real browser."""

import re

from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.benchmarks import startup

LINK = "/compare?data=ring&data.n=500&training.epochs=2&s1=first&s2=second&s2.weighting=sqrt&seeds=3,4"
LONG = "/compare?data.n=20000&training.epochs=4000&s1=plain&seeds=0"
TRAIN = re.compile("^Train(?! these)")
PAGES = ("", "data", "compare", "decisions", "dial", "receipt", "pitfalls", "sweep")


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


def test_a_cold_start_takes_little_of_ours_over_the_wire(chromium: Browser) -> None:
    page = chromium.new_page()
    sizes = startup.wire(page)
    page.close()
    assert 1.0 < sizes["own_mb"] <= 1.6  # plotly.js alone is 1.5 compressed
    assert sizes["streamlit_mb"] > 1


def test_a_tab_that_comes_back_by_a_wrong_link_is_told(visitor) -> None:
    page = visitor.open("/compare?data.n=1000&s1=mine")
    expect(page.get_by_text("1 000 training rows · 2 classes · 1 : 19.0 · 1 strategy")).to_be_visible()
    visitor.open("/compare?s1.loss=focl")
    expect(page.get_by_text("1 000 training rows · 2 classes · 1 : 19.0 · 1 strategy")).to_be_visible()
    expect(page.get_by_text("The link does not work")).to_be_visible()


def inks(page: Page) -> set[bool]:
    """Of the words of all charts, whether they are light."""
    charts = page.locator(".js-plotly-plot[data-drawn]")
    fills = charts.evaluate_all(
        "all => all.flatMap(c => [...c.querySelectorAll('.xtick text')].map(t => getComputedStyle(t).fill))"
    )
    return {sum(int(part) for part in re.findall(r"\d+", fill)[:3]) > 3 * 128 for fill in fills}


def test_charts_follow_a_change_of_theme(visitor) -> None:
    page = visitor.open("/compare?data.n=1000&training.epochs=3&s1=mine&s2=other")
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text("· finished")).to_be_visible(timeout=60_000)
    visitor.settle()
    assert inks(page) == {False}
    page.emulate_media(color_scheme="dark")  # as a system that turns dark in the evening
    lit = "([...document.querySelectorAll('.js-plotly-plot[data-drawn] .xtick text')].map(t => getComputedStyle(t).fill))"
    page.wait_for_function(f"(fills => fills.length > 4 && fills.every(f => f === 'rgb(232, 237, 243)')){lit}", timeout=30_000)
    assert inks(page) == {True}
    expect(page.get_by_text("· finished")).to_be_visible()


def test_no_page_scrolls_sideways_in_a_narrow_window(visit) -> None:
    with visit(width=390) as guest:
        page = guest.open("/")
        for name in PAGES:
            guest.open(f"/{name}")
            both = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            wide = f"{both}.map(e => e.scrollWidth - e.clientWidth)"
            assert page.evaluate(wide) == [0, 0], name
            expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_lost_connection_is_said_and_what_was_there_comes_back(visitor) -> None:
    page, connected, lines = visitor.page, [True], []

    def through(line: WebSocketRoute) -> None:
        if connected[0]:
            line.connect_to_server()
            lines.append(line)
        else:
            line.close()

    page.route_web_socket(re.compile("_stcore/stream"), through)
    visitor.open(LONG)
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text(re.compile("Epoch [1-9]"))).to_be_visible(timeout=30_000)
    connected[0] = False
    page.context.set_offline(True)
    for line in lines:
        line.close()
    expect(page.get_by_text("Connection error")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("Epoch [1-9]"))).to_be_attached()  # what was there can still be read
    connected[0] = True
    page.context.set_offline(False)
    expect(page.get_by_text("Connection error")).to_have_count(0, timeout=60_000)
    expect(page.get_by_text(re.compile(r"Epoch ([2-9]|\d\d+) of 4000"))).to_be_visible(timeout=60_000)  # it trained on
    page.get_by_role("button", name=re.compile(r"^Stop\s?S")).click()
    expect(page.get_by_text("· stopped")).to_be_visible(timeout=30_000)
