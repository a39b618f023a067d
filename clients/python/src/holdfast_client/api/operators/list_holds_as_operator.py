from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.attention import Attention
from ...models.hold_sort import HoldSort
from ...models.hold_status import HoldStatus
from ...models.list_admin_hold import ListAdminHold
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Unset
from typing import cast
import datetime



def _get_kwargs(
    *,
    status: list[HoldStatus] | Unset = UNSET,
    event_type: str | Unset = UNSET,
    resource: str | Unset = UNSET,
    day: datetime.date | Unset = UNSET,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    guest: str | Unset = UNSET,
    q: str | Unset = UNSET,
    attention: Attention | Unset = UNSET,
    sort: HoldSort | Unset = UNSET,
    changed_since: datetime.datetime | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    json_status: list[str] | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = []
        for status_item_data in status:
            status_item = status_item_data.value
            json_status.append(status_item)


    params["status"] = json_status

    params["event_type"] = event_type

    params["resource"] = resource

    json_day: str | Unset = UNSET
    if not isinstance(day, Unset):
        json_day = day.isoformat()
    params["day"] = json_day

    json_from_: str | Unset = UNSET
    if not isinstance(from_, Unset):
        json_from_ = from_.isoformat()
    params["from"] = json_from_

    json_to: str | Unset = UNSET
    if not isinstance(to, Unset):
        json_to = to.isoformat()
    params["to"] = json_to

    params["guest"] = guest

    params["q"] = q

    json_attention: str | Unset = UNSET
    if not isinstance(attention, Unset):
        json_attention = attention.value

    params["attention"] = json_attention

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort.value

    params["sort"] = json_sort

    json_changed_since: str | Unset = UNSET
    if not isinstance(changed_since, Unset):
        json_changed_since = changed_since.isoformat()
    params["changed_since"] = json_changed_since

    params["limit"] = limit

    params["cursor"] = cursor


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/admin/holds",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ListAdminHold | ProblemDetails | None:
    if response.status_code == 200:
        response_200 = ListAdminHold.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ListAdminHold | ProblemDetails]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    status: list[HoldStatus] | Unset = UNSET,
    event_type: str | Unset = UNSET,
    resource: str | Unset = UNSET,
    day: datetime.date | Unset = UNSET,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    guest: str | Unset = UNSET,
    q: str | Unset = UNSET,
    attention: Attention | Unset = UNSET,
    sort: HoldSort | Unset = UNSET,
    changed_since: datetime.datetime | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,

) -> Response[ListAdminHold | ProblemDetails]:
    """ Lists holds, newest first if `sort` does not give another order.

    Args:
        status (list[HoldStatus] | Unset):
        event_type (str | Unset):
        resource (str | Unset):
        day (datetime.date | Unset):
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        guest (str | Unset):
        q (str | Unset):
        attention (Attention | Unset): Why an operator must look at something.
        sort (HoldSort | Unset): The order of a list of holds. Without it, the hold that was
            placed last comes first.
        changed_since (datetime.datetime | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ListAdminHold | ProblemDetails]
     """


    kwargs = _get_kwargs(
        status=status,
event_type=event_type,
resource=resource,
day=day,
from_=from_,
to=to,
guest=guest,
q=q,
attention=attention,
sort=sort,
changed_since=changed_since,
limit=limit,
cursor=cursor,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    status: list[HoldStatus] | Unset = UNSET,
    event_type: str | Unset = UNSET,
    resource: str | Unset = UNSET,
    day: datetime.date | Unset = UNSET,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    guest: str | Unset = UNSET,
    q: str | Unset = UNSET,
    attention: Attention | Unset = UNSET,
    sort: HoldSort | Unset = UNSET,
    changed_since: datetime.datetime | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,

) -> ListAdminHold | ProblemDetails | None:
    """ Lists holds, newest first if `sort` does not give another order.

    Args:
        status (list[HoldStatus] | Unset):
        event_type (str | Unset):
        resource (str | Unset):
        day (datetime.date | Unset):
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        guest (str | Unset):
        q (str | Unset):
        attention (Attention | Unset): Why an operator must look at something.
        sort (HoldSort | Unset): The order of a list of holds. Without it, the hold that was
            placed last comes first.
        changed_since (datetime.datetime | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ListAdminHold | ProblemDetails
     """


    return sync_detailed(
        client=client,
status=status,
event_type=event_type,
resource=resource,
day=day,
from_=from_,
to=to,
guest=guest,
q=q,
attention=attention,
sort=sort,
changed_since=changed_since,
limit=limit,
cursor=cursor,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    status: list[HoldStatus] | Unset = UNSET,
    event_type: str | Unset = UNSET,
    resource: str | Unset = UNSET,
    day: datetime.date | Unset = UNSET,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    guest: str | Unset = UNSET,
    q: str | Unset = UNSET,
    attention: Attention | Unset = UNSET,
    sort: HoldSort | Unset = UNSET,
    changed_since: datetime.datetime | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,

) -> Response[ListAdminHold | ProblemDetails]:
    """ Lists holds, newest first if `sort` does not give another order.

    Args:
        status (list[HoldStatus] | Unset):
        event_type (str | Unset):
        resource (str | Unset):
        day (datetime.date | Unset):
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        guest (str | Unset):
        q (str | Unset):
        attention (Attention | Unset): Why an operator must look at something.
        sort (HoldSort | Unset): The order of a list of holds. Without it, the hold that was
            placed last comes first.
        changed_since (datetime.datetime | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ListAdminHold | ProblemDetails]
     """


    kwargs = _get_kwargs(
        status=status,
event_type=event_type,
resource=resource,
day=day,
from_=from_,
to=to,
guest=guest,
q=q,
attention=attention,
sort=sort,
changed_since=changed_since,
limit=limit,
cursor=cursor,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    status: list[HoldStatus] | Unset = UNSET,
    event_type: str | Unset = UNSET,
    resource: str | Unset = UNSET,
    day: datetime.date | Unset = UNSET,
    from_: datetime.datetime | Unset = UNSET,
    to: datetime.datetime | Unset = UNSET,
    guest: str | Unset = UNSET,
    q: str | Unset = UNSET,
    attention: Attention | Unset = UNSET,
    sort: HoldSort | Unset = UNSET,
    changed_since: datetime.datetime | Unset = UNSET,
    limit: int | Unset = UNSET,
    cursor: str | Unset = UNSET,

) -> ListAdminHold | ProblemDetails | None:
    """ Lists holds, newest first if `sort` does not give another order.

    Args:
        status (list[HoldStatus] | Unset):
        event_type (str | Unset):
        resource (str | Unset):
        day (datetime.date | Unset):
        from_ (datetime.datetime | Unset):
        to (datetime.datetime | Unset):
        guest (str | Unset):
        q (str | Unset):
        attention (Attention | Unset): Why an operator must look at something.
        sort (HoldSort | Unset): The order of a list of holds. Without it, the hold that was
            placed last comes first.
        changed_since (datetime.datetime | Unset):
        limit (int | Unset):
        cursor (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ListAdminHold | ProblemDetails
     """


    return (await asyncio_detailed(
        client=client,
status=status,
event_type=event_type,
resource=resource,
day=day,
from_=from_,
to=to,
guest=guest,
q=q,
attention=attention,
sort=sort,
changed_since=changed_since,
limit=limit,
cursor=cursor,

    )).parsed
