"""One session of a user of SDKs, whose requests are wrapped: what each SDK answers, plain, async and as a stream.

``wrap_sdks.py ADDRESS ROOT SDK…`` prints what each of them gave.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What is asked, of whom and by whom."""

    address: str
    model: str = "small"
    prompt: str = "What is it?"
    key: str = "sk-first-4f9a8b7c6d5e4f3a2b1c"

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.prompt}]


def openai(said: Asked) -> Iterator[Any]:
    import openai as sdk

    given = {"base_url": f"{said.address}/v1", "api_key": said.key}
    asked = {"model": said.model, "messages": said.messages}

    async def later() -> Any:
        async with sdk.AsyncOpenAI(**given) as client:
            plain = await client.chat.completions.create(**asked, seed=1)
            stream = await client.chat.completions.create(**asked, seed=1, stream=True)
            return plain.choices[0].message.content, [part.choices[0].delta.content async for part in stream]

    with sdk.OpenAI(**given) as client:
        yield client.chat.completions.create(**asked).choices[0].message.content
        yield [part.choices[0].delta.content for part in client.chat.completions.create(**asked, stream=True)]
        yield client.with_raw_response.embeddings.create(model=said.model, input=said.prompt).parse().data[0].embedding
    yield asyncio.run(later())


def anthropic(said: Asked) -> Iterator[Any]:
    import anthropic as sdk

    given = {"base_url": said.address, "api_key": said.key}
    asked = {"model": said.model, "messages": said.messages, "max_tokens": 9}

    async def later() -> Any:
        other = {**asked, "max_tokens": 10}
        async with sdk.AsyncAnthropic(**given) as client, client.messages.stream(**other) as stream:
            return [text async for text in stream.text_stream]

    with sdk.Anthropic(**given) as client:
        yield client.messages.create(**asked).content[0].text
        with client.messages.stream(**asked) as stream:
            texts = list(stream.text_stream)
            yield texts, stream.get_final_message().usage.output_tokens
    yield asyncio.run(later())


def google_genai(said: Asked) -> Iterator[Any]:
    from google import genai as sdk

    client = sdk.Client(api_key=said.key, http_options={"base_url": said.address})
    yield client.models.generate_content(model=said.model, contents=said.prompt).text
    yield [part.text for part in client.models.generate_content_stream(model=said.model, contents=said.prompt)]


def mistralai(said: Asked) -> Iterator[Any]:
    from mistralai.client import Mistral

    asked = {"model": said.model, "messages": said.messages}

    async def later() -> Any:
        async with Mistral(api_key=said.key, server_url=said.address) as client:
            return (await client.chat.complete_async(**asked, random_seed=1)).choices[0].message.content

    with Mistral(api_key=said.key, server_url=said.address) as client:
        yield client.chat.complete(**asked).choices[0].message.content
        with client.chat.stream(**asked) as stream:
            yield [part.data.choices[0].delta.content for part in stream]
    yield asyncio.run(later())


def cohere(said: Asked) -> Iterator[Any]:
    import cohere as sdk

    asked = {"model": said.model, "messages": said.messages}

    async def later() -> Any:
        client = sdk.AsyncClientV2(api_key=said.key, base_url=said.address)
        return (await client.chat(**asked, seed=1)).message.content[0].text

    client = sdk.ClientV2(api_key=said.key, base_url=said.address)
    yield client.chat(**asked).message.content[0].text
    yield [event.type for event in client.chat_stream(**asked)]
    yield asyncio.run(later())


def ollama(said: Asked) -> Iterator[Any]:
    import ollama as sdk

    given = {"host": said.address, "headers": {"Authorization": f"Bearer {said.key}"}}

    async def later() -> Any:
        stream = await sdk.AsyncClient(**given).chat(said.model, said.messages, stream=True, options={"seed": 1})
        return [part.message.content async for part in stream]

    client = sdk.Client(**given)
    yield client.chat(model=said.model, messages=said.messages).message.content
    yield [part.message.content for part in client.chat(model=said.model, messages=said.messages, stream=True)]
    yield asyncio.run(later())


def litellm(said: Asked) -> Iterator[Any]:
    import litellm as sdk

    asked = {"model": f"openai/{said.model}", "messages": said.messages, "api_key": said.key}
    asked["api_base"] = f"{said.address}/v1"

    async def later() -> Any:
        return (await sdk.acompletion(**asked, seed=1)).choices[0].message.content

    yield sdk.completion(**asked).choices[0].message.content
    yield [part.choices[0].delta.content for part in sdk.completion(**asked, stream=True)]
    yield asyncio.run(later())


def langchain(said: Asked) -> Iterator[Any]:
    import httpx
    from langchain_openai import ChatOpenAI

    given = {"model": said.model, "base_url": f"{said.address}/v1", "api_key": said.key}

    async def later() -> Any:
        async with httpx.AsyncClient() as client:  # its own would outlive this event loop
            return (await ChatOpenAI(**given, http_async_client=client, seed=1).ainvoke(said.prompt)).content

    model = ChatOpenAI(**given)
    yield model.invoke(said.prompt).content
    yield [part.content for part in model.stream(said.prompt)]
    yield asyncio.run(later())


def llama_index(said: Asked) -> Iterator[Any]:
    from llama_index.llms.openai import OpenAI

    model = {"small": "gpt-4o", "large": "gpt-4"}[said.model]
    llm = OpenAI(model=model, api_base=f"{said.address}/v1", api_key=said.key, reuse_client=False)
    yield llm.complete(said.prompt).text
    yield [part.delta for part in llm.stream_complete(said.prompt)]
    yield asyncio.run(llm.acomplete(f"{said.prompt} later")).text


SDKS: dict[str, Callable[[Asked], Iterator[Any]]] = {
    one.__name__: one
    for one in (openai, anthropic, google_genai, mistralai, cohere, ollama, litellm, langchain, llama_index)
}

if __name__ == "__main__":
    from spotmagic import Spot

    address, root, *names = sys.argv[1:]
    with Spot("sdks", root=Path(root)) as spot, spot.wrap("httpx", "requests"):
        sys.stdout.write(json.dumps({name: list(SDKS[name](Asked(address))) for name in names}))
