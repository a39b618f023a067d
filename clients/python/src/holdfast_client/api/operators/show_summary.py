from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.problem_details import ProblemDetails
from ...models.summary import Summary
from ...models.summary_by import SummaryBy
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    from_: str | Unset = UNSET,
    to: str | Unset = UNSET,
    by: SummaryBy | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["from"] = from_

    params["to"] = to

    json_by: str | Unset = UNSET
    if not isinstance(by, Unset):
        json_by = by.value

    params["by"] = json_by


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/admin/summary",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ProblemDetails | Summary | None:
    if response.status_code == 200:
        response_200 = Summary.from_dict(response.json())



        return response_200

    if response.status_code == 401:
        response_401 = ProblemDetails.from_dict(response.json())



        return response_401

    if response.status_code == 403:
        response_403 = ProblemDetails.from_dict(response.json())



        return response_403

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ProblemDetails | Summary]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    from_: str | Unset = UNSET,
    to: str | Unset = UNSET,
    by: SummaryBy | Unset = UNSET,

) -> Response[ProblemDetails | Summary]:
    """ Counts what happened in a range of at most 400 days: checkouts, bookings and money.

    Args:
        from_ (str | Unset):
        to (str | Unset):
        by (SummaryBy | Unset): How the figures of a summary are divided.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ProblemDetails | Summary]
     """


    kwargs = _get_kwargs(
        from_=from_,
to=to,
by=by,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    from_: str | Unset = UNSET,
    to: str | Unset = UNSET,
    by: SummaryBy | Unset = UNSET,

) -> ProblemDetails | Summary | None:
    """ Counts what happened in a range of at most 400 days: checkouts, bookings and money.

    Args:
        from_ (str | Unset):
        to (str | Unset):
        by (SummaryBy | Unset): How the figures of a summary are divided.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ProblemDetails | Summary
     """


    return sync_detailed(
        client=client,
from_=from_,
to=to,
by=by,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    from_: str | Unset = UNSET,
    to: str | Unset = UNSET,
    by: SummaryBy | Unset = UNSET,

) -> Response[ProblemDetails | Summary]:
    """ Counts what happened in a range of at most 400 days: checkouts, bookings and money.

    Args:
        from_ (str | Unset):
        to (str | Unset):
        by (SummaryBy | Unset): How the figures of a summary are divided.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ProblemDetails | Summary]
     """


    kwargs = _get_kwargs(
        from_=from_,
to=to,
by=by,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    from_: str | Unset = UNSET,
    to: str | Unset = UNSET,
    by: SummaryBy | Unset = UNSET,

) -> ProblemDetails | Summary | None:
    """ Counts what happened in a range of at most 400 days: checkouts, bookings and money.

    Args:
        from_ (str | Unset):
        to (str | Unset):
        by (SummaryBy | Unset): How the figures of a summary are divided.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ProblemDetails | Summary
     """


    return (await asyncio_detailed(
        client=client,
from_=from_,
to=to,
by=by,

    )).parsed
