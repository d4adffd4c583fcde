# ruff: noqa
"""Objects of real packages: under each name first the plain one, then others that must each differ."""

import json, logging, sqlite3, sys, threading

from spotmagic.keys import fingerprint
from pathlib import Path

U = "http://127.0.0.1:1/v1"
V = "http://127.0.0.1:2/v1"
T = Path(sys.argv[1])


def _db(name):
    p = T / name
    c = sqlite3.connect(p, timeout=60)
    c.execute("create table if not exists t(a)")
    c.commit()
    c.close()
    return p


def httpx_():
    import httpx

    yield lambda: httpx.Client(base_url=U)
    yield lambda: httpx.AsyncClient(base_url=U)
    yield lambda: httpx.Client(base_url=V)
    for k in (
        {"headers": {"x-team": "a"}},
        {"headers": {"x-team": "b"}},
        {"params": {"q": 1}},
        {"cookies": {"a": "b"}},
        {"follow_redirects": True},
        {"proxy": "http://127.0.0.1:9"},
        {"auth": ("u", "p")},
        {"transport": httpx.MockTransport(lambda r: httpx.Response(200))},
        {"transport": httpx.MockTransport(lambda r: httpx.Response(201))},
        {"event_hooks": {"request": [lambda r: r]}},
        {"verify": False},
        {"headers": {"user-agent": "me"}},
    ):
        yield lambda k=k: httpx.Client(base_url=U, **k)


def requests_():
    import requests

    def mk(**k):
        def f():
            s = requests.Session()
            for n, v in k.items():
                if n == "cookies":
                    s.cookies.update(v)
                elif n == "headers":
                    s.headers.update(v)
                else:
                    setattr(s, n, v)
            return s

        return f

    yield mk()
    for k in (
        {"headers": {"x": "y"}},
        {"headers": {"User-Agent": "z"}},
        {"params": {"a": "1"}},
        {"auth": ("u", "p")},
        {"cookies": {"a": "b"}},
        {"proxies": {"http": "http://127.0.0.1:9"}},
        {"verify": False},
    ):
        yield mk(**k)

    class A(requests.adapters.HTTPAdapter):
        def __init__(self, tag):
            self.tag = tag
            super().__init__()

    def mount(tag):
        s = requests.Session()
        s.mount("http://", A(tag))
        return s

    yield lambda: mount(1)
    yield lambda: mount(2)


def urllib3_():
    import urllib3

    yield lambda: urllib3.PoolManager()
    yield lambda: urllib3.PoolManager(headers={"a": "b"})
    yield lambda: urllib3.HTTPConnectionPool("a.b", 80)
    yield lambda: urllib3.HTTPConnectionPool("a.c", 80)
    yield lambda: urllib3.ProxyManager("http://127.0.0.1:9")


def aiohttp_():
    import aiohttp, asyncio

    def mk(*a, **k):
        async def f():
            s = aiohttp.ClientSession(*a, **k)
            await s.close()
            return s

        return lambda: asyncio.run(f())

    yield mk(U + "/")
    yield mk(V + "/")
    yield mk(U + "/", headers={"a": "b"})
    yield mk(U + "/", cookies={"a": "b"})
    yield mk(U + "/", auth=aiohttp.BasicAuth("u", "p"))


def openai_():
    import openai, httpx

    O = openai.OpenAI
    yield lambda: O(api_key="x", base_url=U)
    yield lambda: O(api_key="x", base_url=V)
    yield lambda: openai.AsyncOpenAI(api_key="x", base_url=U)
    for k in (
        dict(default_query={"a": "b"}),
        dict(default_headers={"h": "i"}),
        dict(organization="o"),
        dict(project="p"),
        dict(http_client=httpx.Client(transport=httpx.MockTransport(lambda r: None))),
        dict(http_client=httpx.Client(headers={"a": "b"})),
    ):
        yield lambda k=k: O(api_key="x", base_url=U, **k)
    yield lambda: O(api_key="x", base_url=U).with_options(default_headers={"z": "z"})
    yield lambda: O(api_key="x", base_url=U).chat.completions
    for v in ("2024", "2025"):
        yield lambda v=v: openai.AzureOpenAI(api_key="x", azure_endpoint=U, api_version=v)
    yield lambda: openai.AzureOpenAI(api_key="x", azure_endpoint=U, api_version=v, azure_deployment="d")


def anthropic_():
    import anthropic

    yield lambda: anthropic.Anthropic(api_key="x", base_url=U)
    yield lambda: anthropic.Anthropic(api_key="x", base_url=V)
    yield lambda: anthropic.Anthropic(api_key="x", base_url=U, default_headers={"a": "b"})
    for r in "ab":
        yield lambda r=r: anthropic.AnthropicBedrock(aws_access_key="a", aws_secret_key="b", aws_region=r)
    for r in "ab":
        yield lambda r=r: anthropic.AnthropicVertex(region=r, project_id="p", access_token="t")
    yield lambda r=r: anthropic.AnthropicVertex(region=r, project_id="q", access_token="t")


def genai_():
    from google import genai

    yield lambda: genai.Client(api_key="x", http_options={"base_url": U})
    yield lambda: genai.Client(api_key="x", http_options={"base_url": V})
    yield lambda: genai.Client(api_key="x", http_options={"base_url": U, "api_version": "v9"})
    yield lambda: genai.Client(api_key="x", http_options={"base_url": U, "headers": {"a": "b"}})
    yield lambda: genai.Client(api_key="x", http_options={"base_url": U}).models
    yield lambda: genai.Client(api_key="x", http_options={"base_url": V}).models


def mistral_():
    from mistralai.client import Mistral

    yield lambda: Mistral(api_key="x", server_url=U)
    yield lambda: Mistral(api_key="x", server_url=V)
    yield lambda: Mistral(api_key="x", server_url=U).chat


def cohere_():
    import cohere

    yield lambda: cohere.ClientV2(api_key="x", base_url=U)
    yield lambda: cohere.ClientV2(api_key="x", base_url=V)
    yield lambda: cohere.Client(api_key="x", base_url=U)
    yield lambda: cohere.AsyncClientV2(api_key="x", base_url=U)


def ollama_():
    import ollama

    yield lambda: ollama.Client(host=U)
    yield lambda: ollama.Client(host=V)
    yield lambda: ollama.Client(host=U, headers={"a": "b"})
    yield lambda: ollama.AsyncClient(host=U)


def hub_():
    import huggingface_hub as h

    I = h.InferenceClient
    yield lambda: I(model="A")
    for k in (
        {"model": "B"},
        {"model": U},
        {"model": "A", "provider": "hf-inference"},
        {"model": "A", "headers": {"a": "b"}},
        {"model": "A", "bill_to": "o"},
    ):
        yield lambda k=k: I(**k)
    yield lambda: h.HfApi()
    yield lambda: h.HfApi(endpoint=U)


def boto_():
    import boto3

    def s(r="eu-west-1"):
        return boto3.Session(region_name=r, aws_access_key_id="a", aws_secret_access_key="b")

    yield lambda: s()
    yield lambda: s("us-east-1")
    yield lambda: s().client("s3")
    yield lambda: s("us-east-1").client("s3")
    yield lambda: s().client("sqs")
    yield lambda: s().client("s3", endpoint_url=U)
    yield lambda: s().resource("s3")
    yield lambda: s().resource("s3").Bucket("x")
    yield lambda: s().resource("s3").Bucket("y")


def redis_():
    import redis, redis.asyncio as ra

    yield lambda: redis.Redis()
    yield lambda: redis.Redis(db=1)
    yield lambda: redis.Redis(host="h")
    yield lambda: redis.Redis(decode_responses=True)
    yield lambda: redis.Redis.from_url("redis://u:p@h:1/2")
    yield lambda: ra.Redis()


def sqlalchemy_():
    import sqlalchemy as sa
    from sqlalchemy.orm import Session, sessionmaker

    e = lambda n="a.db", **k: sa.create_engine(f"sqlite:///{_db(n)}", **k)
    yield lambda: e()
    yield lambda: e("b.db")
    yield lambda: e().execution_options(schema_translate_map={None: "x"})
    yield lambda: Session(e())
    yield lambda: Session(e("b.db"))
    yield lambda: sessionmaker(e())
    yield lambda: sessionmaker(e("b.db"))
    yield lambda: e().connect()


def sqlite_():
    yield lambda: sqlite3.connect(_db("a.db"))
    yield lambda: sqlite3.connect(_db("b.db"))
    yield lambda: sqlite3.connect(_db("a.db")).cursor()

    def rf():
        c = sqlite3.connect(_db("a.db"))
        c.row_factory = sqlite3.Row
        return c

    yield rf


def duckdb_():
    import duckdb

    for n in ("a.duck", "b.duck"):
        p = T / n
        if not p.exists():
            try:
                duckdb.connect(str(p)).close()
            except Exception:
                pass
    yield lambda: duckdb.connect(str(T / "a.duck"), read_only=True)
    yield lambda: duckdb.connect(str(T / "b.duck"), read_only=True)


def mongo_():
    import pymongo

    M = lambda u="mongodb://u:p@127.0.0.1:1/db": pymongo.MongoClient(u, connect=False)
    yield lambda: M()
    yield lambda: M("mongodb://127.0.0.1:2/db")
    yield lambda: M("mongodb://127.0.0.1:1/dc")
    yield lambda: M()["x"]
    yield lambda: M()["y"]
    yield lambda: M()["x"]["a"]
    yield lambda: M()["x"]["b"]


def elastic_():
    import elasticsearch

    E = elasticsearch.Elasticsearch
    yield lambda: E(U)
    yield lambda: E(V)
    yield lambda: E(U, headers={"a": "b"})
    yield lambda: E(U).options(headers={"c": "d"})


def grpc_():
    import grpc

    yield lambda: grpc.insecure_channel("127.0.0.1:1")
    yield lambda: grpc.insecure_channel("127.0.0.1:2")


def std_():
    from concurrent.futures import ThreadPoolExecutor
    import asyncio

    yield lambda: logging.getLogger("a")
    yield lambda: logging.getLogger("b")
    yield lambda: threading.Lock()
    yield lambda: threading.RLock()
    yield lambda: ThreadPoolExecutor(1)
    yield lambda: threading.Event()

    def ev():
        e = threading.Event()
        e.set()
        return e

    yield ev
    yield lambda: asyncio.Lock()
    yield lambda: asyncio.Event()
    yield lambda: asyncio.Semaphore(2)
    yield lambda: threading.Condition()

    def lo(x):
        l = threading.local()
        l.x = x
        return l

    yield lambda: lo(1)
    yield lambda: lo(2)
    import structlog, loguru

    yield lambda: structlog.get_logger()
    yield lambda: loguru.logger


def langchain_():
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
    from langchain_core.output_parsers import StrOutputParser, JsonOutputParser
    from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough

    C = lambda m="m", u=U, **k: ChatOpenAI(model=m, api_key="x", base_url=u, **k)
    P = ChatPromptTemplate.from_template
    yield lambda: C()
    yield lambda: C("n")
    yield lambda: C(u=V)
    yield lambda: C(temperature=1)
    yield lambda: C(default_headers={"a": "b"})
    yield lambda: P("a {x}")
    yield lambda: P("b {x}")
    yield lambda: PromptTemplate.from_template("a {x}")
    yield lambda: P("a {x}") | C() | StrOutputParser()
    yield lambda: P("b {x}") | C() | StrOutputParser()
    yield lambda: P("a {x}") | C("n") | StrOutputParser()
    yield lambda: P("a {x}") | C() | JsonOutputParser()
    yield lambda: RunnableLambda(lambda x: x + 1)
    yield lambda: RunnableLambda(lambda x: x + 2)
    yield lambda: RunnableParallel(a=RunnablePassthrough(), b=P("a {x}"))
    yield lambda: OpenAIEmbeddings(api_key="x", base_url=U)
    yield lambda: OpenAIEmbeddings(api_key="x", base_url=V)
    yield lambda: C().bind(stop="a")
    yield lambda: C().bind(stop="b")
    from langchain_core.tools import tool

    def t(n):
        @tool
        def add(a: int) -> int:
            "Add."
            return a + n

        return add

    yield lambda: t(1)
    yield lambda: t(2)
    yield lambda: C().bind_tools([t(1)])


def agent_():
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    C = lambda m="m", u=U: ChatOpenAI(model=m, api_key="x", base_url=u)
    yield lambda: create_agent(C(), tools=[], system_prompt="a")
    yield lambda: create_agent(C("n"), tools=[], system_prompt="a")
    yield lambda: create_agent(C(), tools=[], system_prompt="b")


def vectorstore_():
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_core.embeddings import DeterministicFakeEmbedding

    V_ = lambda *t: InMemoryVectorStore.from_texts(list(t), DeterministicFakeEmbedding(size=3))
    yield lambda: V_("a")
    yield lambda: V_("b")
    yield lambda: V_("a", "b")
    yield lambda: V_("a").as_retriever()


def llama_():
    from llama_index.core import Document, SummaryIndex, VectorStoreIndex, MockEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.callbacks import CallbackManager
    from llama_index.llms.openai import OpenAI

    O = lambda m="gpt-4o", u=U, **k: OpenAI(model=m, api_key="x", api_base=u, **k)
    yield lambda: CallbackManager([])
    yield lambda: O()
    yield lambda: O("gpt-4")
    yield lambda: O(u=V)
    yield lambda: O(temperature=0.5)
    D = lambda *t: [Document(text=x) for x in t]
    yield lambda: D("a")[0]
    yield lambda: D("b")[0]
    yield lambda: D("a", "b")
    yield lambda: SummaryIndex.from_documents(D("a"))
    yield lambda: SummaryIndex.from_documents(D("b"))
    yield lambda: SummaryIndex.from_documents(D("a", "b"))
    Q = lambda t="a", m="gpt-4o": SummaryIndex.from_documents(D(t)).as_query_engine(llm=O(m))
    yield lambda: Q()
    yield lambda: Q("b")
    yield lambda: Q(m="gpt-4")
    X = lambda *t: VectorStoreIndex.from_documents(D(*t), embed_model=MockEmbedding(3))
    yield lambda: X("a")
    yield lambda: X("b")
    yield lambda: X("a").as_query_engine(llm=O())
    yield lambda: X("b").as_query_engine(llm=O())
    yield lambda: X("b").as_retriever()


def instructor_():
    import instructor, openai

    I = lambda u=U, **k: instructor.from_openai(openai.OpenAI(api_key="x", base_url=u), **k)
    yield lambda: I()
    yield lambda: I(V)
    yield lambda: I(mode=instructor.Mode.JSON)
    yield lambda: I(model="m")


def dspy_():
    import dspy

    L = lambda m="openai/x", u=U: dspy.LM(m, api_key="x", api_base=u)
    yield lambda: L()
    yield lambda: L("openai/y")
    yield lambda: L(u=V)
    yield lambda: dspy.Predict("q -> a")
    yield lambda: dspy.Predict("q -> b")
    yield lambda: dspy.ChainOfThought("q -> a")

    def p(t):
        m = dspy.ChainOfThought("q -> a")
        m.set_lm(L())
        m.predict.demos = [dspy.Example(q="x", a=t)]
        return m

    yield lambda: p("1")
    yield lambda: p("2")


def jinja_():
    import jinja2

    E = jinja2.Environment
    yield lambda: E()
    yield lambda: E(trim_blocks=True)
    yield lambda: E().from_string("a {{x}}")
    yield lambda: E().from_string("b {{x}}")
    yield lambda: E().from_string("a {{y}}")
    yield lambda: jinja2.Template("a {% for i in x %}{{i}}{% endfor %}")
    yield lambda: jinja2.Template("a {% for i in x %}{{i}}!{% endfor %}")
    yield lambda: E(loader=jinja2.DictLoader({"a": "x"}))
    yield lambda: E(loader=jinja2.DictLoader({"a": "y"}))
    yield lambda: E(loader=jinja2.DictLoader({"a": "y"})).get_template("a")

    def fl(k):
        e = E()
        e.filters["f"] = lambda x: x + k
        return e.from_string("{{x|f}}")

    yield lambda: fl(1)
    yield lambda: fl(2)
    yield lambda: E().from_string("{% block a %}1{% endblock %}")
    yield lambda: E().from_string("{% block a %}2{% endblock %}")


def tqdm_():
    from tqdm import tqdm
    from tqdm.auto import tqdm as auto

    yield lambda: tqdm([1, 2, 3])
    yield lambda: tqdm([10, 20, 30])
    yield lambda: auto([1, 2, 3])
    yield lambda: auto([1, 2])


def widgets_():
    import ipywidgets as w
    from IPython.display import HTML

    yield lambda: w.IntSlider(value=3)
    yield lambda: w.IntSlider(value=50)
    yield lambda: w.Text("a")
    yield lambda: w.Text("b")
    yield lambda: w.VBox([w.Text("a")])
    yield lambda: HTML("a")
    yield lambda: HTML("b")


def sklearn_():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.ensemble import RandomForestClassifier

    yield lambda: TfidfVectorizer().fit(["a bb cc"])
    yield lambda: TfidfVectorizer().fit(["a bb dd"])
    yield lambda: TfidfVectorizer(stop_words=["bb"]).fit(["a bb cc"])
    yield lambda: KNeighborsClassifier(1).fit([[1], [2]], [0, 1])
    yield lambda: KNeighborsClassifier(1, algorithm="kd_tree").fit([[1], [2]], [0, 1])
    yield lambda: KNeighborsClassifier(1, algorithm="kd_tree").fit([[1], [3]], [0, 1])
    yield lambda: RandomForestClassifier(3, random_state=0).fit([[1], [2]], [0, 1])
    yield lambda: RandomForestClassifier(3, random_state=1).fit([[1], [2]], [0, 1])


def scipy_():
    import scipy.stats, scipy.sparse, scipy.interpolate as ip

    yield lambda: scipy.stats.norm(0, 1)
    yield lambda: scipy.stats.norm(0, 2)
    yield lambda: scipy.stats.gamma(1)
    yield lambda: scipy.stats.norm
    yield lambda: scipy.sparse.csr_matrix([[1, 0]])
    yield lambda: scipy.sparse.csr_matrix([[2, 0]])
    yield lambda: ip.interp1d([1, 2], [3, 4])
    yield lambda: ip.interp1d([1, 2], [3, 5])
    yield lambda: scipy.stats.gaussian_kde([1, 2, 3])


def xarray_():
    import xarray, dask.array as da, dask, numpy as np

    yield lambda: xarray.Dataset({"a": ("x", [1])})
    yield lambda: xarray.Dataset({"a": ("x", [2])})
    yield lambda: xarray.DataArray([1], attrs={"u": 1})
    yield lambda: xarray.DataArray([1], attrs={"u": 2})
    for n in (1, 2):
        p = T / f"{n}.nc"
        if not p.exists():
            xarray.Dataset({"a": ("x", [n])}).to_netcdf(p, engine="scipy")
    yield lambda: xarray.open_dataset(T / "1.nc", engine="scipy")
    yield lambda: xarray.open_dataset(T / "2.nc", engine="scipy")
    yield lambda: da.ones(3)
    yield lambda: da.ones(3) + 1
    yield lambda: da.from_array(np.arange(3))
    yield lambda: da.from_array(np.arange(3) + 1)
    yield lambda: dask.delayed(len)([1])
    yield lambda: dask.delayed(len)([2])


def html_():
    import bs4, httpx

    yield lambda: bs4.BeautifulSoup("<p>a</p>", "html.parser")
    yield lambda: bs4.BeautifulSoup("<p>b</p>", "html.parser")
    yield lambda: bs4.BeautifulSoup("<p>a</p>", "html.parser").p
    yield lambda: httpx.Response(200, json={"a": 1})
    yield lambda: httpx.Response(200, json={"a": 2})
    yield lambda: httpx.Response(200, json={"a": 1}, headers={"x": "y"})
    yield lambda: httpx.Request("GET", "http://a")
    yield lambda: httpx.Request("GET", "http://b")


def random_():
    import random, numpy as np

    yield lambda: random.Random(1)
    yield lambda: random.Random(2)
    yield lambda: np.random.default_rng(1)
    yield lambda: np.random.default_rng(2)
    yield lambda: np.random.RandomState(1)
    yield lambda: random
    yield lambda: random.uniform
    yield lambda: np.random.uniform


def said(make):
    try:
        return fingerprint(make()).hex()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    made = {
        name.strip("_"): list(kinds())
        for name, kinds in list(globals().items())
        if name.endswith("_") and name[0] != "_"
    }
    sys.stdout.write(json.dumps({name: [said(make) for make in makers] for name, makers in made.items()}))
