"""Who may ask, and what other sites' pages can do."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.serving.server import JSON, Serving, serving
from tests.serving.test_page_api import error_of

KEY = "a-key-of-23-characters!"


def raw(port: int, request: bytes, seconds: float = 5) -> bytes:
    """What a server says to bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(request)
        said = b""
        while more := connection.recv(65536):
            said += more
    return said


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1:8765", "[::1]:8765", "127.8.9.1"])
def test_names_of_this_machine_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/run", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8765",
        "192.168.1.7",
        "",
        "[::1",
        "a@localhost@b",
    ],
)
@pytest.mark.parametrize("path", ["/", "/run", "/page/index.html"])
def test_another_name_is_not(client: httpx.Client, host: str, path: str) -> None:
    assert error_of(client.get(path, headers={"Host": host})) == (403, "wrong_host")


def test_a_request_without_a_host_is_none(shared: Serving) -> None:
    assert raw(shared.port, b"GET /run HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(shared.port, b"GET /run HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 403 ")
    assert raw(shared.port, b"GET /run HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("keyed"), key=KEY) as found:
        yield found


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, (401, "no_api_key")),
        ({"Authorization": "Bearer wrong"}, (401, "invalid_api_key")),
        ({"Authorization": f"Bearer {KEY}x"}, (401, "invalid_api_key")),
        ({"Authorization": KEY}, (401, "no_api_key")),
        ({"Authorization": f"Basic {KEY}"}, (401, "no_api_key")),
        ({"Authorization": "Bearer"}, (401, "invalid_api_key")),
        ({"Authorization": "Bearer é"}, (401, "invalid_api_key")),
    ],
)
@pytest.mark.parametrize("path", ["/run", "/health", "/metrics", "/v1/models", "/pages", "//", "/page/../run", "/gone"])
def test_all_but_the_page_wants_the_key(
    keyed: Serving, path: str, headers: dict[str, str], wanted: tuple[int, str]
) -> None:
    sent = [(name, value.encode()) for name, value in headers.items()]
    response = keyed.client().get(keyed.url + path, headers=sent)
    assert error_of(response) == wanted and response.headers["www-authenticate"] == "Bearer"


def test_with_the_key_every_name_is_answered(keyed: Serving) -> None:
    with keyed.client(headers={"Authorization": f"bearer {KEY}", "Host": "shop.example.org"}) as client:
        assert client.get("/run").status_code == 200
        assert client.post("/ask", json={"question": "All items"}).json()["columns"] == ["name", "price"]
    with keyed.client() as client:
        assert client.get("/").status_code == client.get("/page/index.html").status_code == 200
    with openai.OpenAI(base_url=f"{keyed.url}/v1", api_key=KEY) as client:
        assert len(client.models.list().data) == 2
    with openai.OpenAI(base_url=f"{keyed.url}/v1", api_key="sk-1") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


@pytest.mark.parametrize("path", ["/ask", "/query", "/feedback", "/v1/chat/completions"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_a_form_of_another_site_asks_nothing(client: httpx.Client, path: str, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert error_of(client.post(path, content=b'{"question": "All items"}', headers=headers)) == (415, "not_json")


def test_another_site_is_not_allowed_to_ask(client: httpx.Client) -> None:
    origin = {"Origin": "https://evil.example"}
    asking = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for response in (
        client.options("/ask", headers=asking),
        client.post("/ask", json={"question": "All items"}, headers=origin),
        client.get("/run", headers=origin),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]
    assert client.options("/ask", headers=asking).status_code == 405


@pytest.mark.parametrize("path", ["/", "/page/index.html", "/run", "/gone", "/health"])
def test_answers_say_what_a_browser_may_do_with_them(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(rule.strip().partition(" ")[::2] for rule in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'" and policy["script-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/page/..%2fserve.py", "/page/%2e%2e/serve.py", "/page//etc/passwd", "/page/%00"])
def test_the_page_gives_no_other_files(shared: Serving, path: str) -> None:
    said = raw(shared.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), said


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\0" * 100])
def test_what_is_no_http_is_refused_in_one_line(shared: Serving, garbage: bytes) -> None:
    said = raw(shared.port, garbage + b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ") and b'"code":"not_http"' in said


def test_a_header_without_end_is_refused(shared: Serving) -> None:
    said = raw(shared.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000)
    assert said.startswith(b"HTTP/1.1 400 ")


def test_json_headers_with_parameters_are_json(client: httpx.Client) -> None:
    content = b'{"question": "No items"}'
    for kind in (JSON["Content-Type"], "Application/JSON; charset=utf-8"):
        assert client.post("/ask", content=content, headers={"Content-Type": kind}).status_code == 200
