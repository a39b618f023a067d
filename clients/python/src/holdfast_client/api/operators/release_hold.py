from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.admin_hold_detail import AdminHoldDetail
from ...models.problem_details import ProblemDetails
from ...models.release import Release
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    id: UUID,
    *,
    body: None | Release | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}


    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/admin/holds/{id}/release".format(id=quote(str(id), safe=""),),
    }

    
    if isinstance(body, Release):
        _kwargs["json"] = body.to_dict()
    else:
        _kwargs["json"] = body

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> AdminHoldDetail | ProblemDetails | None:
    if response.status_code == 200:
        response_200 = AdminHoldDetail.from_dict(response.json())



        return response_200

    if response.status_code == 400:
        response_400 = ProblemDetails.from_dict(response.json())



        return response_400

    if response.status_code == 401:
        response_401 = ProblemDetails.from_dict(response.json())



        return response_401

    if response.status_code == 403:
        response_403 = ProblemDetails.from_dict(response.json())



        return response_403

    if response.status_code == 404:
        response_404 = ProblemDetails.from_dict(response.json())



        return response_404

    if response.status_code == 409:
        response_409 = ProblemDetails.from_dict(response.json())



        return response_409

    if response.status_code == 413:
        response_413 = ProblemDetails.from_dict(response.json())



        return response_413

    if response.status_code == 415:
        response_415 = ProblemDetails.from_dict(response.json())



        return response_415

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[AdminHoldDetail | ProblemDetails]:
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
    body: None | Release | Unset = UNSET,

) -> Response[AdminHoldDetail | ProblemDetails]:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. The slot of a
    `processing` hold is free at
    once, and all money that comes for it later goes back. Send the `version` that you saw, so that a
    hold is not released whose
    payment has begun since then. The body may be left out.

    Args:
        id (UUID):
        body (None | Release | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AdminHoldDetail | ProblemDetails]
     """


    kwargs = _get_kwargs(
        id=id,
body=body,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Release | Unset = UNSET,

) -> AdminHoldDetail | ProblemDetails | None:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. The slot of a
    `processing` hold is free at
    once, and all money that comes for it later goes back. Send the `version` that you saw, so that a
    hold is not released whose
    payment has begun since then. The body may be left out.

    Args:
        id (UUID):
        body (None | Release | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AdminHoldDetail | ProblemDetails
     """


    return sync_detailed(
        id=id,
client=client,
body=body,

    ).parsed

async def asyncio_detailed(
    id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Release | Unset = UNSET,

) -> Response[AdminHoldDetail | ProblemDetails]:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. The slot of a
    `processing` hold is free at
    once, and all money that comes for it later goes back. Send the `version` that you saw, so that a
    hold is not released whose
    payment has begun since then. The body may be left out.

    Args:
        id (UUID):
        body (None | Release | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AdminHoldDetail | ProblemDetails]
     """


    kwargs = _get_kwargs(
        id=id,
body=body,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    id: UUID,
    *,
    client: AuthenticatedClient,
    body: None | Release | Unset = UNSET,

) -> AdminHoldDetail | ProblemDetails | None:
    """ Releases an unpaid hold: first the session expires at Stripe, then the slot is free. The slot of a
    `processing` hold is free at
    once, and all money that comes for it later goes back. Send the `version` that you saw, so that a
    hold is not released whose
    payment has begun since then. The body may be left out.

    Args:
        id (UUID):
        body (None | Release | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AdminHoldDetail | ProblemDetails
     """


    return (await asyncio_detailed(
        id=id,
client=client,
body=body,

    )).parsed
