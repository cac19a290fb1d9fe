"""A visitor without a browser: speaks the app's own protocol over a websocket and keeps what the page shows.

It does what Streamlit's frontend does, and no more: it holds the elements by their place, repeats fragments that ask for it,
names the messages that it has (so that they are not sent again) and sends what was clicked. It draws nothing: what a
browser costs is not in its figures.
"""

import base64
import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

import numpy as np
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs, UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

FINISHED = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


class Visitor:
    """One browser tab. `watching` says whether fragments that repeat are repeated, as a visible tab does.

    `tab` is the secret that a tab keeps through a reload (lib/ui/visit.py); one that is given is told to the page, as the tab
    does. With `recording`, all that comes is kept in `heard`. `problems` are the errors that were on screen at any time, `bars`
    what the progress bar said, one after another.
    """

    def __init__(
        self, address: str, page: str = "", query: dict[str, str] | str | None = None, *, tab: str = "", recording: bool = False
    ) -> None:
        self.address, self.page, self.query = address, page, query if isinstance(query, str) else urlencode(query or {})
        self.tab, self.recording = tab, recording
        self.watching = True
        self.heard: list[bytes] = []
        self.problems: list[str] = []
        self.bars: list[str] = []
        self.bytes = 0  # received
        self.runs = 0  # of the script or a fragment, ended
        self._begun = 0  # of the script: runs that have begun,
        self._ended = 0  # and which of them has ended last
        self.elements: dict[tuple[int, ...], Element] = {}
        self._page_hash = ""
        self._pages: dict[str, str] = {}  # address -> hash
        self._places: list[FileURLs] = []  # for files that are to be uploaded
        self._answers: list[dict[str, Any]] = []  # of components, not yet sent: who listens must not wait to send
        self._fresh: set[tuple[int, ...]] = set()  # drawn in this run
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}  # hash -> message, run in which it was last used
        self._age = 2  # runs for which the frontend keeps such a message (global.maxCachedMessageAge)
        self._drawn: set[str] = set()  # the fragments that this run draws; none: all of the page
        self._repeat: dict[str, tuple[float, float]] = {}  # fragment -> interval, when it is due
        self._news = threading.Condition()
        self._answered = -1
        self._asking = False  # this run was only to ask who we are
        self._open = True
        self._closing = contextlib.ExitStack()
        stream = f"{address.replace('http', 'ws')}/_stcore/stream"
        connection = connect(stream, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None)
        self._socket = self._closing.enter_context(connection)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._tick)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Visitor":
        self.run()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """As closing the tab."""
        self._open = False
        self._closing.close()
        for thread in self._threads:
            thread.join(5)

    def reload(self) -> "Visitor":
        """As F5: the tab leaves, and a new one with its secret and its address comes."""
        self.close()
        return Visitor(self.address, self.page, self.query, tab=self.tab, recording=self.recording)

    def go(self, page: str) -> float:
        """As a click on a page of the navigation; seconds until it is there."""
        self.page, self.query, self._page_hash = "", "", self._pages[page]
        took = self.run()
        self.page = page
        return took

    def run(self, **widget: Any) -> float:
        """Run the script, with one widget (`id` and its value) that has just been changed; seconds until it has ended."""
        with self._news:
            before = self._begun
        start = self.send(**widget)
        self.wait(lambda: self._ended > before)  # what ends meanwhile, a fragment or a run that was on its way, is no answer
        return time.perf_counter() - start

    def tick(self) -> None:
        """Repeat the fragment that repeats, once and now, whether or not anybody watches."""
        with self._news:
            before = self.runs
            fragment = next(iter(self._repeat))
        self.send(fragment)
        self.wait(lambda: self.runs > before)

    def send(self, fragment: str = "", **widget: Any) -> float:
        """Ask for a run and do not wait; when it was asked for."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.page_script_hash = self.query, self.page, self._page_hash
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.widget_states.SetInParent()
        with self._news:
            state.cached_message_hashes.extend(self._kept)
        if widget:
            state.widget_states.widgets.append(WidgetState(**widget))
        start = time.perf_counter()
        self._socket.send(message.SerializeToString())
        return start

    def click(self, label: str) -> float:
        """Press a button, once it can be pressed, and do not wait for what comes of it; when it was pressed."""
        self.wait(lambda: (button := self.widget("button", label)) and not button.disabled)
        return self.send(id=self.widget("button", label).id, trigger_value=True)

    def upload(self, label: str, name: str, data: bytes) -> float:
        """Put a file into an uploader, as the frontend does: ask for a place, send it there, say so; when that was said."""
        self.wait(lambda: self.widget("file_uploader", label))
        request = BackMsg()
        request.file_urls_request.request_id = name
        request.file_urls_request.file_names.append(name)
        self._socket.send(request.SerializeToString())
        self.wait(lambda: self._places)
        place = self._places.pop()
        cookies = CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
        opener.open(f"{self.address}/_stcore/health").close()
        token = next(cookie.value for cookie in cookies if cookie.name == "_streamlit_xsrf")
        head = f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=edge", "X-Xsrftoken": str(token)}
        body = head.encode() + data + b"\r\n--edge--\r\n"
        put = urllib.request.Request(self.address + place.upload_url, data=body, headers=headers, method="PUT")
        opener.open(put).close()
        info = UploadedFileInfo(name=name, size=len(data), file_id=place.file_id, file_urls=place)
        widget = self.widget("file_uploader", label).id
        return self.send(id=widget, file_uploader_state_value=FileUploaderState(uploaded_file_info=[info]))

    def widget(self, kind: str, label: str) -> Any:
        """A widget by its label; None where there is none."""
        with self._news:
            found = [getattr(e, kind) for e in self.elements.values() if e.WhichOneof("type") == kind]
        return next((widget for widget in found if widget.label == label), None)

    def wait(self, condition: Callable[[], object], seconds: float = 60.0) -> float:
        """Until something is on screen; when it was."""
        with self._news:
            if not self._news.wait_for(condition, seconds):
                raise TimeoutError(f"In vain after {seconds:g} s. On screen: {' | '.join(self.texts())[:600]}")
            return time.perf_counter()

    def texts(self) -> list[str]:
        """What can be read: headings, Markdown, captions, errors, and the text of a progress bar."""
        kinds = {"heading": "body", "markdown": "body", "alert": "body", "progress": "text", "exception": "message"}
        own = ((e, e.WhichOneof("type")) for e in self.elements.values())
        return [getattr(getattr(e, kind), kinds[kind]) for e, kind in own if kind in kinds]

    def says(self, text: str) -> bool:
        return any(text in shown for shown in self.texts())

    def charts(self) -> dict[str, bytes]:
        """The payloads of the live charts on screen, by the end of their names."""
        own = [e.bidi_component for e in self.elements.values() if e.WhichOneof("type") == "bidi_component"]
        return {part.id.rpartition("-")[2]: part.bytes for part in own if part.component_name.endswith("live_plotly")}

    def payload(self, key: str) -> bytes:
        """The payload of a live chart; nothing before it is there."""
        return self.charts().get(key, b"")

    def progress(self) -> float:
        """Epochs that the curves of the training loss show, part of the running one included; 0 before the first point."""
        if not (payload := self.payload("train_loss")):
            return 0.0
        chart = json.loads(payload)
        ends = [unpack(chart["arrays"][trace["x"]["$"]]) for trace in chart["data"] if isinstance(trace["x"], dict)]
        return max((float(x.max()) for x in ends if len(x)), default=0.0)

    def _listen(self) -> None:
        try:
            for frame in self._socket:
                message = ForwardMsg.FromString(frame)
                with self._news:
                    self.bytes += len(frame)
                    if self.recording:
                        self.heard.append(bytes(frame))
                    self._take(message)
                    self._news.notify_all()
        except ConnectionClosed:
            pass

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            if message.ref_hash not in self._kept:  # the frontend shows an error
                self.problems.append(f"The server takes for known what is forgotten: {message.ref_hash}.")
                return
            known = self._kept[message.ref_hash][0]
            known.metadata.delta_path[:] = message.metadata.delta_path
            message, kind = known, "delta"
        if message.hash in self._kept or message.metadata.cacheable:
            self._kept[message.hash] = (message, self.runs)
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            place = tuple(message.metadata.delta_path)
            self.elements[place] = message.delta.new_element
            self._fresh.add(place)
            self._notice(message.delta.new_element)
        elif kind == "auto_rerun":
            own = message.auto_rerun
            self._repeat[own.fragment_id] = (own.interval, time.perf_counter() + own.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._repeat.pop(fragment, None)
        elif kind == "new_session":
            self._fresh.clear()
            self._asking = False
            self._drawn = set(message.metadata.run.fragment_ids)
            self._age = message.new_session.config.max_cached_message_age
            if not self._drawn:
                self._begun += 1
                self._repeat.clear()
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "file_urls_response":
            self._places.extend(message.file_urls_response.file_urls)
        elif kind == "script_finished" and message.script_finished in FINISHED and not self._asking:
            self.runs += 1
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:  # what the script did not draw again goes
                self.elements = {place: e for place, e in self.elements.items() if place in self._fresh}
                self._ended = self._begun
            self._forget()

    def _forget(self) -> None:
        """Large messages go after some runs; those of a fragment, and only those, also after runs of it alone."""
        for key, (message, used) in list(self._kept.items()):
            if used < self.runs - self._age and (not self._drawn or message.delta.fragment_id in self._drawn):
                del self._kept[key]

    def _notice(self, element: Element) -> None:
        """What a tab reacts to, and what is to be remembered of what it shows."""
        kind = element.WhichOneof("type")
        if kind == "exception" or (kind == "alert" and element.alert.format == Alert.ERROR):
            self.problems.append(getattr(element, kind).body if kind == "alert" else element.exception.message)
        elif kind == "progress" and self.bars[-1:] != [element.progress.text]:
            self.bars.append(element.progress.text)
        elif kind == "bidi_component" and element.bidi_component.component_name.endswith("visit"):
            told = json.loads(element.bidi_component.json)
            stranger = self.tab and self.tab != told["name"] and not told["settled"]
            self.tab = self.tab if stranger else told["name"]
            if (stranger or told["asked"]) and self._answered != told["again"]:
                self._answered, self._asking = told["again"], True
                answer = json.dumps({"name": f"{self.tab}.{self._answered}"})
                self._answers.append({"id": element.bidi_component.id, "json_value": answer})

    def _tick(self) -> None:
        """Repeat fragments, each at its interval, and send what components answer."""
        try:
            while self._open:
                time.sleep(0.005)
                while self._answers:
                    self.send(**self._answers.pop())
                for fragment, (interval, due) in list(self._repeat.items()):
                    if self.watching and time.perf_counter() >= due:
                        self._repeat[fragment] = (interval, max(due + interval, time.perf_counter()))
                        self.send(fragment)
        except ConnectionClosed:
            pass


def unpack(array: Any) -> np.ndarray:
    """An array of a chart's payload (lib/figures/chart.py)."""
    if isinstance(array, dict):
        return np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])
    return np.array(array, dtype=float)
