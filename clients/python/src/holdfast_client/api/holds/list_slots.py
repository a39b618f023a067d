from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.list_slots_status import ListSlotsStatus
from ...models.problem_details import ProblemDetails
from ...models.slots import Slots
from ...types import UNSET, Unset
from typing import cast
import datetime



def _get_kwargs(
    id: str,
    *,
    from_: datetime.datetime,
    to: datetime.datetime,
    quantity: int | Unset = UNSET,
    resource: str | Unset = UNSET,
    status: ListSlotsStatus | Unset = UNSET,
    limit: int | Unset = UNSET,
    if_none_match: None | str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = if_none_match



    

    params: dict[str, Any] = {}

    json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_to = to.isoformat()
    params["to"] = json_to

    params["quantity"] = quantity

    params["resource"] = resource

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    params["limit"] = limit


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/event-types/{id}/slots".format(id=quote(str(id), safe=""),),
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | ProblemDetails | Slots | None:
    if response.status_code == 200:
        response_200 = Slots.from_dict(response.json())



        return response_200

    if response.status_code == 304:
        response_304 = cast(Any, None)
        return response_304

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | ProblemDetails | Slots]:
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
    quantity: int | Unset = UNSET,
    resource: str | Unset = UNSET,
    status: ListSlotsStatus | Unset = UNSET,
    limit: int | Unset = UNSET,
    if_none_match: None | str | Unset = UNSET,

) -> Response[Any | ProblemDetails | Slots]:
    """ Lists the slots of a period of at most 62 days, and which of them are free.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        quantity (int | Unset):
        resource (str | Unset):
        status (ListSlotsStatus | Unset): The status that a list of slots is narrowed to.
        limit (int | Unset):
        if_none_match (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ProblemDetails | Slots]
     """


    kwargs = _get_kwargs(
        id=id,
from_=from_,
to=to,
quantity=quantity,
resource=resource,
status=status,
limit=limit,
if_none_match=if_none_match,

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
    quantity: int | Unset = UNSET,
    resource: str | Unset = UNSET,
    status: ListSlotsStatus | Unset = UNSET,
    limit: int | Unset = UNSET,
    if_none_match: None | str | Unset = UNSET,

) -> Any | ProblemDetails | Slots | None:
    """ Lists the slots of a period of at most 62 days, and which of them are free.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        quantity (int | Unset):
        resource (str | Unset):
        status (ListSlotsStatus | Unset): The status that a list of slots is narrowed to.
        limit (int | Unset):
        if_none_match (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ProblemDetails | Slots
     """


    return sync_detailed(
        id=id,
client=client,
from_=from_,
to=to,
quantity=quantity,
resource=resource,
status=status,
limit=limit,
if_none_match=if_none_match,

    ).parsed

async def asyncio_detailed(
    id: str,
    *,
    client: AuthenticatedClient | Client,
    from_: datetime.datetime,
    to: datetime.datetime,
    quantity: int | Unset = UNSET,
    resource: str | Unset = UNSET,
    status: ListSlotsStatus | Unset = UNSET,
    limit: int | Unset = UNSET,
    if_none_match: None | str | Unset = UNSET,

) -> Response[Any | ProblemDetails | Slots]:
    """ Lists the slots of a period of at most 62 days, and which of them are free.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        quantity (int | Unset):
        resource (str | Unset):
        status (ListSlotsStatus | Unset): The status that a list of slots is narrowed to.
        limit (int | Unset):
        if_none_match (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ProblemDetails | Slots]
     """


    kwargs = _get_kwargs(
        id=id,
from_=from_,
to=to,
quantity=quantity,
resource=resource,
status=status,
limit=limit,
if_none_match=if_none_match,

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
    quantity: int | Unset = UNSET,
    resource: str | Unset = UNSET,
    status: ListSlotsStatus | Unset = UNSET,
    limit: int | Unset = UNSET,
    if_none_match: None | str | Unset = UNSET,

) -> Any | ProblemDetails | Slots | None:
    """ Lists the slots of a period of at most 62 days, and which of them are free.

    Args:
        id (str):
        from_ (datetime.datetime):
        to (datetime.datetime):
        quantity (int | Unset):
        resource (str | Unset):
        status (ListSlotsStatus | Unset): The status that a list of slots is narrowed to.
        limit (int | Unset):
        if_none_match (None | str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ProblemDetails | Slots
     """


    return (await asyncio_detailed(
        id=id,
client=client,
from_=from_,
to=to,
quantity=quantity,
resource=resource,
status=status,
limit=limit,
if_none_match=if_none_match,

    )).parsed
