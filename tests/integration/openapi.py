"""docs/openapi.yaml as the tests read it: operations, and checks of what was asked and answered."""

import json
import pathlib
import re

import jsonschema
import yaml

import clients
import harness

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


def problems(schema, value, components):
    """What is wrong with a value, in words; none: it fits."""
    validator = jsonschema.Draft202012Validator(schema | {"components": components})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


class Description:
    """The file. Everything that it says twice by $ref is followed."""

    def __init__(self, path):
        self.document = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
        self.components = self.document["components"]
        self.operations = {(method.upper(), path): self._operation(item, item[method])
                           for path, item in self.document["paths"].items() for method in METHODS if method in item}

    def follow(self, value):
        """What a $ref stands for."""
        while "$ref" in value:
            found = self.document
            for name in value["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            value = found
        return value

    def _operation(self, item, operation):
        parameters = [self.follow(one) for one in item.get("parameters", []) + operation.get("parameters", [])]
        responses = {status: self.follow(one) for status, one in operation["responses"].items()}
        return operation | {"parameters": parameters, "responses": responses}

    def schema_faults(self, name, value):
        return problems(self.components["schemas"][name], value, self.components)

    def find(self, method, path):
        """The operation of a call; of two that fit, the one without a pattern."""
        fits = [key for key in self.operations if key[0] == method and
                re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(key[1])), path)]
        assert fits, f"{method} {path} is not described"
        return min(fits, key=lambda key: key[1].count("{"))

    def check_answer(self, key, answer):
        """The status, the type and the body of an answer are as described."""
        responses = self.operations[key]["responses"]
        described = responses.get(str(answer.status)) or (responses["default"] if answer.status >= 400 else None)
        assert described, f"{key} answered {answer.status}"
        content = described.get("content")
        if content is None:
            assert answer.body == b"", key
            return
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in content, (key, answer.status, kind)
        for name in described.get("headers", {}):
            assert name in answer.headers, (key, answer.status, name)
        if kind.endswith("json"):
            found = problems(content[kind]["schema"], json.loads(answer.body), self.components)
            assert not found, (key, answer.status, found, answer.body)

    def body_faults(self, key, text):
        """What is wrong with the body of a call; none also when it has none and needs none."""
        described = self.operations[key].get("requestBody")
        if described is None or text is None:
            return [] if text is None and not (described or {}).get("required") else ["there is a body, or there is none"]
        return problems(described["content"]["application/json"]["schema"], json.loads(text), self.components)


class Caller:
    """Calls a prontod, holds each call and answer against the description, and remembers what it saw."""

    def __init__(self, description, prontod):
        self.description = description
        self.prontod = prontod
        self.seen = set()

    def call(self, method, path, status, body=None, headers=None):
        """One call with this answer; a body that prontod takes must be one that is described, and one that it finds wrong (422) not."""
        key = self.description.find(method, path.split("?")[0])
        text = None if body is None else json.dumps(body)
        answer = self.prontod.query(method, path, text, headers)
        assert answer.status == status, (key, answer)
        self.description.check_answer(key, answer)
        if status < 300 or status == 422:
            assert bool(self.description.body_faults(key, text)) == (status == 422), (key, body, self.description.body_faults(key, text))
        self.seen.add((*key, status))
        return json.loads(answer.body) if answer.body and "json" in answer.headers["Content-Type"] else answer.body

    def get(self, path, status=200):
        return self.call("GET", path, status)

    def post(self, path, status, body=None, **keys):
        return self.call("POST", path, status, body, **keys)

    def list(self, path):
        return self.get(path)["items"]

    def watch(self, path, last):
        """Reads a stream of lines up to an event of this name."""
        key = self.description.find("GET", path.split("?")[0])
        content = self.description.operations[key]["responses"]["200"]["content"]
        connection = clients.UnixConnection(str(self.prontod.socket), harness.PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            schema = content[answer.headers["Content-Type"]]["schema"]
            name = None
            while name != last:
                line = json.loads(answer.readline())
                found = problems(schema, line, self.description.components)
                assert not found, (line, found)
                name = line["event"]
                assert name != "heartbeat", f"{last} did not come"
        finally:
            connection.close()
        self.seen.add((*key, answer.status))
