"""Where a tenant's files are, and what the API says."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from roost import Body


class StorageSettings(Body):
    """Local disk, or a bucket of a storage that speaks S3."""

    backend: Literal["disk", "s3"] = Field(
        "disk", description="disk or s3; move the files before you switch · 存储位置"
    )
    endpoint: str = Field(
        "",
        max_length=200,
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$",
        description="S3 address, without a path: https://s3.example.com · S3 服务地址",
    )
    public_endpoint: str = Field(
        "",
        max_length=200,
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$",
        description="the address under which members reach it, where that is another one · 对外访问地址",
    )
    bucket: str = Field("", max_length=63, pattern=r"^[a-z0-9.-]*$", description="bucket · 存储桶")
    region: str = Field("us-east-1", max_length=40, pattern=r"^[A-Za-z0-9_-]+$", description="region · 区域")
    access_key: str = Field("", max_length=128, description="access key id · 访问密钥 AccessKey ID")
    secret_key: SecretStr = Field(SecretStr(""), description="its secret; can be written and never read · 密钥（只写）")
    path_style: bool = Field(
        True, description="the bucket in the path, not in the host name; off for Aliyun OSS and Tencent COS · 路径风格"
    )
    request_seconds: int = Field(
        5,
        ge=1,
        le=15,
        description="seconds that a request waits for an answer; work in the background waits 30 · 请求等待应答的秒数",
    )
    prefix: str = Field(
        "",
        max_length=60,
        pattern=r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$",
        description="folder in the bucket; one for each deployment that shares it · 目录前缀",
    )


class FileQuery(BaseModel):
    """What an address of ours carries."""

    token: str = Field(min_length=20, max_length=2000, description="the signature: who gave the address out allows it")


class Received(BaseModel):
    """What arrived."""

    size: int = Field(description="bytes")


class Checked(BaseModel):
    """How the storage answered: a small file was written, read, and deleted again."""

    backend: str
    works: bool
    detail: str = Field(description="what it said, where it does not work")
