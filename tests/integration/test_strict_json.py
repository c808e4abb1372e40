"""The body of a callback is a JSON object by RFC 8259, strictly; what is not is kept with its reason."""

import base64
import uuid

import pytest

import harness

SECRET = "secret-" + uuid.uuid4().hex


@pytest.fixture(scope="module", name="daemon")
def make_daemon():
    one = harness.Prontod(secrets=[SECRET])
    yield one.start()
    one.close()


def nested(opening, inside, closing, times):
    return b'{"a":' + opening * times + inside + closing * times + b"}"


GOOD = {
    "empty object": b"{}", "blanks around": b" \t\r\n{ \"a\" : [ 1 , 2 ] } \r\n", "32 levels of arrays": nested(b"[", b"", b"]", 31),
    "32 levels with a value": nested(b"[", b"1", b"]", 31), "32 levels of objects": nested(b'{"a":', b"1", b"}", 31),
    "NUL in a value": b'{"a":"x\\u0000y"}', "duplicate keys": b'{"a":1,"a":2}', "escapes": b'{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"}',
    "surrogate pair": b'{"a":"\\ud83d\\ude00"}', "UTF-8": "{\"a\":\"\u00e9\u20ac\U0001f600\"}".encode(), "DEL": b'{"a":"\x7f"}',
    "huge number": b'{"a":' + b"9" * 400 + b"}", "huge exponent": b'{"a":1e999,"b":-1E-999}', "numbers": b'{"a":[0,-0,1.5,1e1,1E+1,-1.0e-1]}',
    "literals": b'{"a":[true,false,null]}', "empty key": b'{"":1}', "noncharacter": b'{"a":"\xef\xbf\xbf"}', "last code point": b'{"a":"\xf4\x8f\xbf\xbf"}',
    "many keys": b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(20000)) + b"}", "long string": b'{"a":"' + b"x" * 900000 + b'"}',
    "many elements": b'{"a":[' + b"0," * 200000 + b"0]}"}

BAD = {
    "empty": (b"", "not_json"), "blanks": (b"  \n", "not_json"), "text": (b"hello", "not_json"), "HTML": (b"<html></html>", "not_json"),
    "form": (b"a=1&b=2", "not_json"), "truncated": (b'{"a":1', "not_json"), "truncated string": (b'{"a":"x', "not_json"),
    "trailing text": (b'{"a":1} x', "not_json"), "two objects": (b'{"a":1}{"a":1}', "not_json"), "trailing comma": (b'{"a":1,}', "not_json"),
    "trailing comma in an array": (b'{"a":[1,]}', "not_json"), "leading comma": (b'{,"a":1}', "not_json"), "no comma": (b'{"a":1 "b":2}', "not_json"),
    "no colon": (b'{"a" 1}', "not_json"), "no value": (b'{"a":}', "not_json"), "bare key": (b"{a:1}", "not_json"), "number as key": (b"{1:1}", "not_json"),
    "single quotes": (b"{'a':1}", "not_json"), "NaN": (b'{"a":NaN}', "not_json"), "Infinity": (b'{"a":Infinity}', "not_json"),
    "-Infinity": (b'{"a":-Infinity}', "not_json"), "True": (b'{"a":True}', "not_json"), "nul": (b'{"a":nul}', "not_json"),
    "leading zero": (b'{"a":01}', "not_json"), "plus": (b'{"a":+1}', "not_json"), "no digit before the point": (b'{"a":.5}', "not_json"),
    "no digit after the point": (b'{"a":1.}', "not_json"), "no exponent": (b'{"a":1e}', "not_json"), "hexadecimal": (b'{"a":0x10}', "not_json"),
    "minus alone": (b'{"a":-}', "not_json"), "two minus": (b'{"a":--1}', "not_json"), "comment": (b'{"a":1/*x*/}', "not_json"), "line comment": (b'{"a":1}//x', "not_json"),
    "newline in a string": (b'{"a":"x\ny"}', "not_json"), "tab in a string": (b'{"a":"x\ty"}', "not_json"), "control character": (b'{"a":"\x01"}', "not_json"),
    "form feed": (b'{\x0c"a":1}', "not_json"), "no-break space": (b'{\xc2\xa0"a":1}', "not_json"), "unknown escape": (b'{"a":"\\x41"}', "not_json"),
    "short escape": (b'{"a":"\\u12"}', "not_json"), "bad escape": (b'{"a":"\\u12g4"}', "not_json"), "escape at the end": (b'{"a":"\\', "not_json"),
    "raw NUL in a string": (b'{"a":"x\0y"}', "not_json"), "NUL behind": (b'{"a":1}\0', "not_json"), "wrong bracket": (b'{"a":[1}', "not_json"),
    "UTF-16": ('{"a":1}'.encode("utf-16-le"), None),
    "array": (b'[{"a":1}]', "not_object"), "string": (b'"a"', "not_object"), "number": (b"1", "not_object"), "true": (b"true", "not_object"), "null": (b"null", "not_object"),
    "33 levels of arrays": (nested(b"[", b"", b"]", 32), "too_deep"), "33 levels with a value": (nested(b"[", b"1", b"]", 32), "too_deep"),
    "33 levels of objects": (nested(b'{"a":', b"1", b"}", 32), "too_deep"), "mixed levels": (nested(b'[{"a":', b"1", b"}]", 16), "too_deep"),
    "100,000 levels": (nested(b"[", b"1", b"]", 100000), "too_deep"), "open levels": (b'{"a":' + b"[" * 500000, None),
    "Latin-1": (b'{"a":"\xe9"}', "not_utf8"), "overlong": (b'{"a":"\xc0\xaf"}', "not_utf8"), "overlong NUL": (b'{"a":"\xc0\x80"}', "not_utf8"),
    "three bytes overlong": (b'{"a":"\xe0\x80\xaf"}', "not_utf8"), "surrogate": (b'{"a":"\xed\xa0\x80"}', "not_utf8"), "beyond Unicode": (b'{"a":"\xf4\x90\x80\x80"}', "not_utf8"),
    "F5": (b'{"a":"\xf5\x80\x80\x80"}', "not_utf8"), "cut sequence": (b'{"a":"\xe2\x82"}', "not_utf8"), "stray continuation": (b'{"a":"\x80"}', "not_utf8"),
    "key not UTF-8": (b'{"\xff":1}', "not_utf8"),
    "NUL in a key": (b'{"a\\u0000b":1}', None), "NUL as key": (b'{"\\u0000":1}', None), "NUL in a deep key": (b'{"a":[{"b\\u0000":1}]}', None)}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_an_object_is_stored(daemon, name):
    answer = daemon.callback(SECRET, GOOD[name])
    assert (answer.status, answer.body) and answer.status == 200
    assert answer.json() == {"status": "unmatched"}


@pytest.mark.parametrize("name", BAD)
def test_what_is_none_is_rejected_and_kept(daemon, name):
    body, reason = BAD[name]
    before = {one["id"] for one in daemon.items("/v1/callbacks?state=rejected")}
    answer = daemon.callback(SECRET, body)
    assert answer.status == 400
    new = [one for one in daemon.items("/v1/callbacks?state=rejected") if one["id"] not in before]
    assert [one["state"] for one in new] == ["rejected"]
    assert new[0]["reason"] in ([reason] if reason else ["not_json", "not_object", "too_deep", "not_utf8"])
    kept = daemon.get(f"/v1/callbacks/{new[0]['id']}")
    if kept.get("body_base64") is not None:
        assert base64.b64decode(kept["body_base64"]) == body
    else:
        assert kept["body"].encode() == body
    assert ("body_base64" in kept and kept["body_base64"] is not None) or reason != "not_utf8"


def test_a_byte_order_mark_is_no_crash(daemon):
    answer = daemon.callback(SECRET, b"\xef\xbb\xbf{}")
    assert answer.status in (200, 400)


def test_a_lone_escaped_surrogate_is_no_crash(daemon):
    answer = daemon.callback(SECRET, b'{"a":"\\ud800","b":"\\udc00\\ud800"}')
    assert answer.status in (200, 400)
    assert daemon.items("/v1/callbacks")


def test_nothing_is_kept_for_an_unknown_token(daemon):
    before = len(daemon.items("/v1/callbacks"))
    for body in (b"{", b"[]", b"\xff"):
        assert daemon.callback("A" * 43, body).status == 404
    assert len(daemon.items("/v1/callbacks")) == before


def test_the_newest_1000_rejected_are_kept(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()

    def send(worker):
        for number in range(70):
            assert prontod.callback(SECRET, b"no JSON %d %d" % (worker, number)).status == 400

    harness.parallel(send, range(16))
    assert prontod.callback(SECRET, b"the last").status == 400
    kept = prontod.items("/v1/callbacks?state=rejected")
    assert len(kept) <= 1000
    newest = {prontod.get(f"/v1/callbacks/{one['id']}")["body"] for one in kept[:3] + kept[-3:]}
    assert "the last" in newest


def test_not_more_than_16_mib_of_rejected_are_kept(new_prontod):
    prontod = new_prontod(secrets=[SECRET]).start()
    size = 900 * 1024
    for number in range(24):
        assert prontod.callback(SECRET, b"%08d" % number + b"x" * (size - 8)).status == 400
    assert 0 < len(prontod.items("/v1/callbacks?state=rejected")) * size <= 16 * 1024 * 1024
