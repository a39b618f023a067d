from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.hold import Hold
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    id: UUID,
    *,
    refund: int | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["refund"] = refund


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/v1/holds/{id}".format(id=quote(str(id), safe=""),),
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Hold | ProblemDetails | None:
    if response.status_code == 200:
        response_200 = Hold.from_dict(response.json())



        return response_200

    if response.status_code == 401:
        response_401 = ProblemDetails.from_dict(response.json())



        return response_401

    if response.status_code == 404:
        response_404 = ProblemDetails.from_dict(response.json())



        return response_404

    if response.status_code == 409:
        response_409 = ProblemDetails.from_dict(response.json())



        return response_409

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Hold | ProblemDetails]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: UUID,
    *,
    client: AuthenticatedClient,
    refund: int | Unset = UNSET,

) -> Response[Hold | ProblemDetails]:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. Cancels and
    refunds a paid hold
    if the event type allows its guests that and it is early enough.

    Args:
        id (UUID):
        refund (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Hold | ProblemDetails]
     """


    kwargs = _get_kwargs(
        id=id,
refund=refund,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    id: UUID,
    *,
    client: AuthenticatedClient,
    refund: int | Unset = UNSET,

) -> Hold | ProblemDetails | None:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. Cancels and
    refunds a paid hold
    if the event type allows its guests that and it is early enough.

    Args:
        id (UUID):
        refund (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Hold | ProblemDetails
     """


    return sync_detailed(
        id=id,
client=client,
refund=refund,

    ).parsed

async def asyncio_detailed(
    id: UUID,
    *,
    client: AuthenticatedClient,
    refund: int | Unset = UNSET,

) -> Response[Hold | ProblemDetails]:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. Cancels and
    refunds a paid hold
    if the event type allows its guests that and it is early enough.

    Args:
        id (UUID):
        refund (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Hold | ProblemDetails]
     """


    kwargs = _get_kwargs(
        id=id,
refund=refund,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    id: UUID,
    *,
    client: AuthenticatedClient,
    refund: int | Unset = UNSET,

) -> Hold | ProblemDetails | None:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. Cancels and
    refunds a paid hold
    if the event type allows its guests that and it is early enough.

    Args:
        id (UUID):
        refund (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Hold | ProblemDetails
     """


    return (await asyncio_detailed(
        id=id,
client=client,
refund=refund,

    )).parsed
