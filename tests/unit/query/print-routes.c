/* Prints the table of routes for tests/integration/test_openapi.py: a line for each, with its method,
 * path, right, whether it takes a body, and its parameters with commas between; separated by tabs.
 */
#include "query/query.h"

#include <stdio.h>

int main(void)
{
    size_t n;
    const struct query_route_doc *docs = query_route_docs(&n);

    for (size_t i = 0; i < n; i++) {
        printf("%s\t%s\t%s\t%s\t", docs[i].method, docs[i].path, docs[i].right, docs[i].body);
        for (const char *const *name = docs[i].parameters; name && *name; name++)
            printf("%s%s", name == docs[i].parameters ? "" : ",", *name);
        putchar('\n');
    }
    return 0;
}
