"""Plain stand-ins for the protobuf classes that azure-functions-runtime gets injected as its `protos` module.

The runtime builds its answers from these classes and reads our requests through them; it never serialises them here.
So a class that keeps its keyword arguments as attributes is enough. The names are fixed by the runtime
(handle_event.py, bindings/datumdef.py and bindings/nullable_converters.py of azure-functions-runtime 1.3).
"""

from types import SimpleNamespace

_DATA_FIELDS = ("string", "bytes", "json", "http", "int", "double")


class TypedData(SimpleNamespace):
    """One value in one of the forms that the worker protocol knows; empty when nothing was sent.

    It must not have an attribute called TypedData: the runtime tries that one first and falls back on AttributeError.
    """

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's spelling
        return next((field for field in _DATA_FIELDS if field in self.__dict__), None)


class ParameterBinding(SimpleNamespace):
    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's spelling
        return "data"


class BindingInfo(SimpleNamespace):
    undefined = 0
    out = 1
    inout = 2


class StatusResult(SimpleNamespace):
    Failure = 0
    Success = 1


class RpcHttp(SimpleNamespace):
    pass


class SameSite:
    """`getattr(SameSite, "None")` is how the runtime reads the first member: hence setattr below."""

    Lax = "Lax"
    Strict = "Strict"
    ExplicitNone = "None"


setattr(SameSite, "None", "")


class RpcHttpCookie(SimpleNamespace):
    SameSite = SameSite


class RpcException(SimpleNamespace):
    pass


class WorkerInitResponse(SimpleNamespace):
    pass


class WorkerMetadata(SimpleNamespace):
    pass


class FunctionMetadataResponse(SimpleNamespace):
    pass


class RpcFunctionMetadata(SimpleNamespace):
    pass


class RpcRetryOptions(SimpleNamespace):
    pass


class FunctionLoadResponse(SimpleNamespace):
    pass


class InvocationResponse(SimpleNamespace):
    pass


class NullableString(SimpleNamespace):
    pass


class NullableBool(SimpleNamespace):
    pass


class NullableDouble(SimpleNamespace):
    pass


class NullableTimestamp(SimpleNamespace):
    pass


class Timestamp(SimpleNamespace):
    pass
