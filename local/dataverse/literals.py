"""Reads the literals of a filter as the column that they are compared with stores them."""

from typing import Any

from odata_query import ast

from local.dataverse.errors import DataverseError, bad_query
from local.dataverse.metadata import Column
from local.dataverse.values import NotThisTypeError, read_day, read_guid, read_moment

NUMERIC = frozenset({"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"})


def read_literal(column: Column, node: Any) -> tuple[Any, bool]:
    """Returns the literal as the column stores it; False when a fraction of a second was cut off."""
    if isinstance(node, ast.Null):
        return None, True
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Integer | ast.Float):
        return -node.operand.py_val, True
    edm = column.edm_type
    try:
        if edm == "Edm.String" and isinstance(node, ast.String):
            return node.py_val, True
        if edm in NUMERIC and isinstance(node, ast.Integer | ast.Float):
            return node.py_val, True
        if edm == "Edm.Boolean" and isinstance(node, ast.Boolean):
            return node.py_val, True
        if edm == "Edm.Guid" and isinstance(node, ast.GUID | ast.String):
            return read_guid(node.val), True
        if edm == "Edm.DateTimeOffset" and isinstance(node, ast.DateTime | ast.Date):
            return _moment(node.val)
        if edm == "Edm.Date" and isinstance(node, ast.Date):
            return read_day(node.val), True
    except NotThisTypeError as error:
        raise bad_query(f"The literal '{node.val}' is not a value of '{column.property}'.") from error
    raise bad_query(
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{edm}' and '{type(node).__name__}' for '{column.property}'."
    )


def _moment(text: str) -> tuple[str, bool]:
    text = text.upper()
    if "T" not in text:
        return read_moment(f"{text}T00:00:00Z"), True
    fraction = text.partition(".")[2].rstrip("Z").partition("+")[0].partition("-")[0]
    return read_moment(text), not fraction.strip("0")


def read_text_value(column: Column, text: str) -> Any:
    """Returns one of the JSON strings of `In` as the column stores it."""
    try:
        if column.edm_type == "Edm.Guid":
            return read_guid(text.strip("{}"))
        if column.edm_type in {"Edm.Int32", "Edm.Int64"}:
            return int(text)
        if column.edm_type in NUMERIC:
            return float(text)
        if column.edm_type == "Edm.Boolean":
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        if column.edm_type == "Edm.DateTimeOffset":
            return _moment(text)[0]
    except (ValueError, KeyError) as error:
        raise DataverseError(
            400, "0x80040203", f"The value '{text}' is not a value of '{column.name}' ({column.edm_type})."
        ) from error
    return text
