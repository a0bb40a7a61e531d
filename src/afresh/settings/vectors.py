"""Settings of the vector database."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from afresh.measures import Duration, written


class VectorSettings(BaseModel):
    """Where item vectors are searched beyond this process, and how that is reached."""

    vectors: str | None = Field(
        None,
        description="A vector database in which item vectors of text are kept and searched: "
        "`qdrant://host:6333`, `milvus://host:19530`, `milvus:///file.db`, "
        "`postgresql://user@host/database`, `weaviate://host:8080`, `opensearch://host:9200`, "
        "`pinecone://index`, `azure-search://name.search.windows.net`; `qdrant+tls://` and the "
        "like with TLS. None: in this process only.",
    )
    vectors_write: bool = Field(
        True,
        description="Whether a server that folds events writes into `vectors`; of servers that "
        "share a log, one should.",
    )
    vectors_name: str = Field(
        "afresh",
        pattern="^[a-z][a-z0-9_]{0,39}$",
        description="The alias of the collection there; each encoder has a collection of its own.",
    )
    vectors_key: SecretStr | None = Field(
        None, description="The password or API key of the vector database."
    )
    vectors_key_file: Path | None = Field(
        None, description="A file that holds it, for secret mounts."
    )
    vectors_ca_file: Path | None = Field(
        None, description="A file with the certificates to trust with TLS; none: the system's."
    )
    vectors_timeout: Duration = Field(
        written("50ms"),
        ge=1,
        description="How long a request waits for the vector database; beyond it, it goes on with "
        "the index in this process and says `vectors` in `degraded`.",
    )
