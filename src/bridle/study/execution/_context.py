"""The store and the cluster of a run, open while it runs."""

import contextlib
from collections.abc import Iterator
from uuid import uuid4

from bridle.study.design._prepared import Prepared
from bridle.study.execution._cluster import Cluster
from bridle.study.execution._connection import DaskConnection
from bridle.study.execution._facts import study_facts
from bridle.study.execution._keys import FitKeys
from bridle.study.execution._options import RunOptions
from bridle.study.execution._run import ExecutionContext
from bridle.study.execution._stored import open_store_session
from bridle.study.execution._worker import StudySpec, run_task


@contextlib.contextmanager
def open_context(prepared: Prepared, options: RunOptions) -> Iterator[ExecutionContext]:
    """Open the store and the cluster of a run.

    Errors: `StoreError` where the folder holds another study, or cannot be used.
    """
    local = options.store is None and options.client is None
    facts = {} if local else study_facts(prepared, options.race, options.nested)
    cluster = None
    if options.client is not None:
        spec = StudySpec(
            uuid4().hex, prepared.question, prepared.rows, facts, options.race, options.nested, options.threads
        )
        cluster = Cluster(DaskConnection(options.client, spec, run_task), FitKeys(facts), facts["device"])
    with open_store_session(prepared.engine, options.store, facts, options.extend) as session:
        yield ExecutionContext(options.threads, session, cluster)
