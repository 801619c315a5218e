"""What the models of requests and replies are derived from."""

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """A row as it is answered: read from the columns of the same names."""

    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    """What is filled in and sent: a field that is not there is refused, for it may be a slip of a name."""

    model_config = ConfigDict(extra="forbid")
