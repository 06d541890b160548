"""The timeouts of AWS clients, shortened to the current deadline before every attempt."""

from typing import Any

from urllib3 import Timeout

from shared.deadline import Deadline


def limit_timeouts(client: Any, connect_s: float, read_s: float) -> None:
    """Make every attempt of a botocore client end before the current deadline; ServiceUnavailable without time.

    botocore takes a read timeout per request. For the connect timeout it asks its HTTP session, which has no public
    setting after it was made.
    """
    session = client._endpoint.http_session

    def limit(request: Any, **_: Any) -> None:
        connect_left_s, read_left_s = Deadline.current().timeouts(connect_s, read_s)
        session._timeout = Timeout(connect=connect_left_s, read=read_left_s)
        request.context["read_timeout"] = read_left_s

    client.meta.events.register("before-send", limit)
