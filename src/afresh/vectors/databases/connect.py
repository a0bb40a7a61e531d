"""Connecting: the backend that a URL names. Its client is imported only then."""

from __future__ import annotations

from afresh.vectors.databases import Access, VectorDatabase
from afresh.vectors.databases.address import scheme_of


def connect(access: Access) -> VectorDatabase:
    """Raises AfreshError for an address that is none, MissingDependency where the backend's client
    is not installed; Unavailable, now or at the first call, where nobody answers."""
    match scheme_of(access.url):
        case "qdrant":
            from afresh.vectors.databases.qdrant import QdrantDatabase

            return QdrantDatabase(access)
        case "milvus":
            from afresh.vectors.databases.milvus import MilvusDatabase

            return MilvusDatabase(access)
        case "postgresql":
            from afresh.vectors.databases.pgvector import PgvectorDatabase

            return PgvectorDatabase(access)
        case "weaviate":
            from afresh.vectors.databases.weaviate import WeaviateDatabase

            return WeaviateDatabase(access)
        case "opensearch":
            from afresh.vectors.databases.opensearch import OpensearchDatabase

            return OpensearchDatabase(access)
        case "pinecone":
            from afresh.vectors.databases.pinecone import PineconeDatabase

            return PineconeDatabase(access)
        case "azure-search":
            from afresh.vectors.databases.azure_search import AzureSearchDatabase

            return AzureSearchDatabase(access)
        case _:
            from afresh.vectors.databases.embedded import EmbeddedDatabase

            return EmbeddedDatabase(access)
