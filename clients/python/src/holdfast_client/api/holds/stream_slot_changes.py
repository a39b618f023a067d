from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.problem_details import ProblemDetails
from ...types import UNSET, Unset
from typing import cast
import datetime



def _get_kwargs(
    id: str,
    *,
    from_: datetime.datetime,
    to: datetime.datetime,
    last_event_id: None | str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["Last-Event-ID"] = last_event_id



    

    params: dict[str, Any] = {}

    json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_to = to.isoformat()
    params["to"] = json_to


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/event-types/{id}/slots/stream".format(id=quote(str(id), safe=""),),
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ProblemDetails | str | None:
    if response.status_code == 200:
        response_200 = response.text
        return response_200

    if response.status_code == 404:
        response_404 = ProblemDetails.from_dict(response.json())



        return response_404

    if response.status_code == 422:
        response_422 = ProblemDetails.from_dict(response.json())



        return response_422

    if response.status_code == 429:
        response_429 = ProblemDetails.from_dict(response.json())



        return response_429

    if response.status_code == 500:
        response_500 = ProblemDetails.from_dict(response.json())



        return response_500

    if response.status_code == 503:
        response_503 = ProblemDetails.from_dict(response.json())



        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ProblemDetails | str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: str,
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.datetime,
    to: datetime.datetime,
    last_event_id: None | str | Unset = UNSET,

) -> Response[ProblemDetails | str]:
    """ Sends hints about slots that may have changed, as server-sent events. An event `changed` has
    `{"starts": […]}`, or
    `{"reload": true}` if any slot may have changed. List the slots after the stream is open, and again
    after each hint.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        last_event_id (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ProblemDetails | str]
     """


    kwargs = _get_kwargs(
        id=id,
from_=from_,
to=to,
last_event_id=last_event_id,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    id: str,
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.datetime,
    to: datetime.datetime,
    last_event_id: None | str | Unset = UNSET,

) -> ProblemDetails | str | None:
    """ Sends hints about slots that may have changed, as server-sent events. An event `changed` has
    `{"starts": […]}`, or
    `{"reload": true}` if any slot may have changed. List the slots after the stream is open, and again
    after each hint.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        last_event_id (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ProblemDetails | str
     """


    return sync_detailed(
        id=id,
client=client,
from_=from_,
to=to,
last_event_id=last_event_id,

    ).parsed

async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.datetime,
    to: datetime.datetime,
    last_event_id: None | str | Unset = UNSET,

) -> Response[ProblemDetails | str]:
    """ Sends hints about slots that may have changed, as server-sent events. An event `changed` has
    `{"starts": […]}`, or
    `{"reload": true}` if any slot may have changed. List the slots after the stream is open, and again
    after each hint.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        last_event_id (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ProblemDetails | str]
     """


    kwargs = _get_kwargs(
        id=id,
from_=from_,
to=to,
last_event_id=last_event_id,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    id: str,
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.datetime,
    to: datetime.datetime,
    last_event_id: None | str | Unset = UNSET,

) -> ProblemDetails | str | None:
    """ Sends hints about slots that may have changed, as server-sent events. An event `changed` has
    `{"starts": […]}`, or
    `{"reload": true}` if any slot may have changed. List the slots after the stream is open, and again
    after each hint.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        last_event_id (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ProblemDetails | str
     """


    return (await asyncio_detailed(
        id=id,
client=client,
from_=from_,
to=to,
last_event_id=last_event_id,

    )).parsed
