/* MESSAGE_IDs of the journal: what people alert on. They never change and are never used again for something else. systemd/prontod.catalog
 * explains each of them, tests/lint/check-catalog holds the two together. What follows a name: the fields that its lines have. */
#pragma once

/* A line each. */
/* clang-format off */
/* Life of prontod and its workers. */
#define MESSAGE_STARTED               "59de93b7403f4d81a650f0fcdb28494b" /* prontod begins; PRONTO_VERSION */
#define MESSAGE_READY                 "50d133faccbe40f78a59aa269354a49f" /* it serves callbacks */
#define MESSAGE_STOPPING              "ee54db8ac3294256982b875f258ca59b" /* it finishes what was accepted */
#define MESSAGE_STOP_UNFINISHED       "12daf52b8c18464c8a08f955bf671e1e" /* some of that did not end in time */
#define MESSAGE_CONFIG_REJECTED       "d04b9e39f4164a1eaabee272bba7f95d" /* at start or reload; what is wrong is said before */
#define MESSAGE_CONFIG_RELOADED       "c139ba8424dd458190b3285a1e3c1f1c"
#define MESSAGE_CONFIG_NEEDS_RESTART  "dec2f3c360fb4d11a1524c35cebaec0f" /* a key that a reload cannot change was changed */
#define MESSAGE_LISTEN_FAILED         "df82156dedce4d3ea357418fb5118a90" /* PRONTO_ADDRESS, PRONTO_ERROR */
#define MESSAGE_THREAD_STUCK          "2febbcdc5b9643c9a1ee969f8d466657" /* the watchdog is not told that all is well; PRONTO_THREAD */
#define MESSAGE_THREAD_MOVES          "ab607e36a5b947c7aabf3f15b9a86a20" /* PRONTO_THREAD */
#define MESSAGE_WORKER_LOST           "a278bd913531417581ff164970a63163" /* a service of its own; PRONTO_WORKER, PRONTO_ERROR */
#define MESSAGE_WORKER_BACK           "6330f42f3144433682916cb282e8a87e" /* PRONTO_WORKER */
#define MESSAGE_WORKER_ENDED          "fbe4d1c4646a4e8c9348ff8bcc03b352" /* one that prontod started; prontod stops. PRONTO_WORKER, PRONTO_ERROR */
#define MESSAGE_PEER_REFUSED          "a400135ac0b64dcda727fbd3798adf3a" /* somebody else connected to a worker */

/* Database and disk. */
#define MESSAGE_DATABASE_REFUSED      "85c398c49c6f4fbb96ed48c799d33f25" /* PRONTO_DATABASE */
#define MESSAGE_DATABASE_NEWER        "9a10506b87bf412cb24c0ef305ba31cc" /* PRONTO_DATABASE */
#define MESSAGE_STORE_FAILED          "7cbdc04b0e4d419186f7e5c722ef25ee" /* a commit failed; PRONTO_ERROR */
#define MESSAGE_STORE_RECOVERED       "84011b7cc49941c283f751b574bbdbe7"
#define MESSAGE_STORE_GAVE_UP         "69d5eb2e7e2344a4ac6855bafb22f169" /* PRONTO_ERROR */
#define MESSAGE_DISK_LOW              "01993c2eb8784f0982d34d86cf943b70" /* PRONTO_FREE_BYTES, PRONTO_MIN_FREE */
#define MESSAGE_DISK_RECOVERED        "a74c7e3b6732469188d87e1cb965c557" /* PRONTO_FREE_BYTES */
#define MESSAGE_CLOCK_DOUBTED         "672e3ea5fb7f478f9015ad17d67b07e9" /* retention waits */
#define MESSAGE_DEAD_ERASED_SOON      "055cb4ba6fb74bfc8ac21ee81a80ab24" /* dead deliveries that the retention is about to erase; PRONTO_COUNT */

/* The callback listener. */
#define MESSAGE_CALLBACKS_REFUSED     "b67d6d237f05430a91c39d07f27813dd" /* answered with 503; PRONTO_COUNT, PRONTO_REASON */
#define MESSAGE_CONNECTIONS_SHED      "640ebe2cfd0945a490e6de336cef8234" /* closed to make room; PRONTO_COUNT */

/* Calls to Pronto. CALLS_RESUMED ends whichever held them; PRONTO_STATE is that of prontoctl status. */
#define MESSAGE_KEY_MISSING           "93c9b6e39e1644069d3bef84e6aacbe5"
#define MESSAGE_KEY_REFUSED           "b26fe9ae3150485eabfa4f34b9c95c34"
#define MESSAGE_CALLS_NO_LINK         "524f5794b3004d89ae3b0ffbca17d4d7" /* prontod-egress is not there */
#define MESSAGE_CALLS_OUT_OF_CREDITS  "f08f0520c30c4693905dd9489f5b89fd"
#define MESSAGE_CALLS_SLOWED          "2d98ef400b044fd38715e54873b3c27d"
#define MESSAGE_CALLS_TRIPPED         "1d15820c423b4dc5ba4d3169aef603d4"
#define MESSAGE_CALLS_RESUMED         "e4f5e983020748b9a0ac85ce1473947a"
#define MESSAGE_BUDGET_USED_UP        "31e5c386eb0a46c4b5fde10ec03c16ae"
#define MESSAGE_BUDGET_FREED          "fbb78253e92043f7ab6cc378dfa20dca"
#define MESSAGE_REQUEST_REFUSED       "64523c1bdd154fdfa4ab560a184f36f4" /* for good; PRONTO_SUBMISSION */
#define MESSAGE_REQUEST_EXPIRED       "a11bc0dc9e6d41b4b29d3557e93e3849" /* PRONTO_REQUEST_ID */

/* Hooks and deliveries; PRONTO_HOOK. */
#define MESSAGE_HOOK_BROKEN           "442db01d594b4a6c8f3d59b64049941a" /* it cannot be started; PRONTO_ERROR */
#define MESSAGE_HOOK_MENDED           "9a3fd18214bd4fb6acf2aa6820f13143"
#define MESSAGE_HOOK_TRIPPED          "020f4ae0a6524e288e05c14e785d3934" /* PRONTO_ERROR */
#define MESSAGE_HOOK_RESUMED          "0081d35d4c66482e8d6d5aa13573d4cd"
#define MESSAGE_DELIVERY_DEAD         "7055af337a194988866b757f72cdf2ea" /* PRONTO_DELIVERY_ID, PRONTO_ERROR */
#define MESSAGE_RUNNER_SHORT          "0f572a02293e48ec9115de577fe6efd9" /* the machine is short of something; PRONTO_ERROR */
