"""The filter language of all panes: `sift` reads it, a Strainer asks it of rows, `complete` helps to type it."""

from smtpwatch.query.complete import Completion, complete
from smtpwatch.query.fields import FIELDS, TABLE, Field, Place
from smtpwatch.query.parse import SHOWS, Fault, Term
from smtpwatch.query.sift import Query, Read, Says, Strainer, holds, sift
from smtpwatch.query.values import Said
from smtpwatch.query.write import quoted, with_term, written

__all__ = [
    "FIELDS",
    "SHOWS",
    "TABLE",
    "Completion",
    "Fault",
    "Field",
    "Place",
    "Query",
    "Read",
    "Said",
    "Says",
    "Strainer",
    "Term",
    "complete",
    "holds",
    "quoted",
    "sift",
    "with_term",
    "written",
]
