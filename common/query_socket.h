/* The address of the query socket, in one place for prontod and prontoctl. */
#pragma once

#define QUERY_SOCKET_DEFAULT "/run/prontod/query.sock"
#define QUERY_SOCKET_ENV     "PRONTOD_SOCKET" /* overrides the default in prontoctl */
