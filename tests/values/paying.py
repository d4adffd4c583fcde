"""One session of a user against an API that bills: a script that calls one SDK under a mark.

``paying.py SDK ADDRESS ROOT SETTINGS`` makes the SDK's objects anew for each of the settings, and prints how often each
of them paid; SETTINGS is a list in JSON of objects with model, prompt, header, path, document or api_key.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spotmagic import Spot

SDK, ADDRESS, ROOT = sys.argv[1], sys.argv[2], Path(sys.argv[3])
MODEL = PROMPT = HEADER = DOCUMENT = BASE = KEY = ""
spot = Spot("paying", root=ROOT)


def openai() -> Callable[[], Any]:
    import openai as sdk

    client = sdk.OpenAI(base_url=BASE, api_key=KEY, default_headers={"x-team": HEADER})

    @spot.mark
    def ask(client: Any, prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        return client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content

    return lambda: ask(client, PROMPT)


def anthropic() -> Callable[[], Any]:
    import anthropic as sdk

    client = sdk.Anthropic(base_url=BASE, api_key=KEY, default_headers={"x-team": HEADER})

    @spot.mark
    def ask(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        return client.messages.create(model=MODEL, max_tokens=9, messages=messages).content[0].text

    return lambda: ask(PROMPT)


def langchain() -> Callable[[], Any]:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=MODEL, base_url=BASE, api_key=KEY, default_headers={"x-team": HEADER})
    chain = ChatPromptTemplate.from_template(PROMPT + " {document}") | model | StrOutputParser()

    @spot.mark
    def run(chain: Any, document: str) -> str:
        return chain.invoke({"document": document})

    return lambda: run(chain, DOCUMENT)


def llama_index() -> Callable[[], Any]:
    from llama_index.core import Document, SummaryIndex
    from llama_index.llms.openai import OpenAI

    model = {"small": "gpt-4o", "large": "gpt-4"}[MODEL]
    llm = OpenAI(model=model, api_base=BASE, api_key=KEY, default_headers={"x-team": HEADER})
    engine = SummaryIndex.from_documents([Document(text=DOCUMENT)]).as_query_engine(llm=llm)

    @spot.mark
    def query(engine: Any, question: str) -> str:
        return str(engine.query(question))

    return lambda: query(engine, PROMPT)


def instructor() -> Callable[[], Any]:
    import instructor as sdk
    import openai as under
    import pydantic

    class Answer(pydantic.BaseModel):
        text: str

    inner = under.OpenAI(base_url=BASE, api_key=KEY, default_headers={"x-team": HEADER})
    client = sdk.from_openai(inner, mode=sdk.Mode.JSON)

    @spot.mark
    def ask(prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        return client.chat.completions.create(model=MODEL, messages=messages, response_model=Answer).text

    return lambda: ask(PROMPT)


def huggingface_hub() -> Callable[[], Any]:
    import huggingface_hub as sdk

    client = sdk.InferenceClient(base_url=BASE + "/" + MODEL, token=KEY, headers={"x-team": HEADER})

    @spot.mark
    def ask(prompt: str) -> str:
        return client.chat_completion([{"role": "user", "content": prompt}]).choices[0].message.content

    return lambda: ask(PROMPT)


def ollama() -> Callable[[], Any]:
    import ollama as sdk

    client = sdk.Client(host=BASE, headers={"x-team": HEADER})

    @spot.mark
    def ask(prompt: str) -> str:
        return client.chat(model=MODEL, messages=[{"role": "user", "content": prompt}]).message.content

    return lambda: ask(PROMPT)


def jinja2() -> Callable[[], Any]:
    import httpx
    import jinja2 as sdk

    template = sdk.Environment(trim_blocks=True).from_string(PROMPT + " {{ document }}")
    client = httpx.Client(base_url=BASE, headers={"x-team": HEADER})

    @spot.mark
    def ask(template: Any, document: str) -> str:
        said = {"model": MODEL, "messages": [{"role": "user", "content": template.render(document=document)}]}
        return client.post("/chat/completions", json=said).json()["choices"][0]["message"]["content"]

    return lambda: ask(template, DOCUMENT)


def dspy() -> Callable[[], Any]:
    import dspy as sdk

    model = sdk.LM("openai/" + MODEL, api_base=BASE, api_key="sk-first", headers={"x-team": HEADER}, cache=False)
    module = sdk.Predict(sdk.Signature("question -> answer", PROMPT))

    @spot.mark
    def ask(module: Any, model: Any, question: str) -> str:
        with sdk.context(lm=model):
            return str(module(question=question).answer)

    return lambda: ask(module, model, DOCUMENT)


def choose(model: str = "small", prompt: str = "What is it?", header: str = "one", **others: str) -> None:
    global MODEL, PROMPT, HEADER, DOCUMENT, BASE, KEY
    MODEL, PROMPT, HEADER, DOCUMENT = model, prompt, header, others.get("document", "It is a house.")
    BASE, KEY = ADDRESS + others.get("path", "/v1"), others.get("api_key", "sk-first")


def paid() -> int:
    with urllib.request.urlopen(ADDRESS) as answer:
        return int(answer.read())


if __name__ == "__main__":
    told = []
    for settings in json.loads(sys.argv[4]):
        choose(**settings)
        before, call = paid(), globals()[SDK]()
        assert call() == call()
        told.append(paid() - before)
    sys.stdout.write(json.dumps(told))
    spot.close()
