/* SPDX-License-Identifier: MIT
 *
 * Has one allocation after the other fail, and looks what becomes of the host.
 *
 * Each script in spec/faults/ is a scenario. A run of one is a process of its own: it makes a host,
 * runs the script, destroys the host. From the script's call of `arm` on, the k-th allocation
 * fails, once, or together with all after it; the next process does the same with another k. The
 * allocations are Lua's ("lua"), libuv's ("uv") and those of the library's own code ("host"),
 * jansson's among them. They are caught by --wrap of the linker, so the library knows nothing of
 * it.
 *
 * What must hold for each k: the process ends, and not by a signal; what fails says so by an error
 * with a code and a message; nothing waits for ever; whatever was allocated is freed when the host
 * is destroyed; what a script has to `check` is so, unless the log has told of an error.
 *
 *     faults                          a sample of the k of every scenario, as many as FAULTS says
 *                                     (a number for each; "all": every k)
 *     faults SCENARIO WHO HOW K       one run, without another process: faults pool lua once 17
 *
 * To add a scenario: a file in spec/faults/. */
#define _GNU_SOURCE
#include "binding/future.h"
#include "host/host.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIRECTORY "spec/faults/"

/* Whose allocations fail. */
typedef enum who { WHO_LUA, WHO_UV, WHO_HOST, WHO_COUNT } who;

static const char *const who_names[] = {"lua", "uv", "host"};

/* How a run came out; also the exit codes of its process. */
enum { RUN_PASSED, RUN_FAILED_CLEANLY, RUN_LEAKED, RUN_WRONG };

/* One run: what fails, and what came of it. Lies in memory that the parent shares. */
typedef struct run {
  const char *scenario; /* its file without ".lua" */
  who who;              /* whose allocations fail */
  bool persistent;      /* all from the k-th on, not it alone */
  long k;               /* 0: none fails */
  atomic_long sites;    /* allocations since `arm` */
  atomic_long faults;   /* how many of them failed */
  atomic_int told;      /* errors in the log */
  bool may_deadlock;    /* its tasks wait for each other: one that fails leaves others waiting */
  tp_error error;       /* what the host said */
} run;

static run *now;                   /* the run of this process */
static atomic_bool armed;          /* allocations may fail */
static _Thread_local bool is_main; /* the thread that has made the host */

/* ---- what fails ---- */

static bool fails(who from) {
  if (!atomic_load(&armed) || from != now->who || (from == WHO_UV && !is_main))
    return false;
  long site = atomic_fetch_add(&now->sites, 1) + 1;
  if (!now->k || site < now->k || (site > now->k && !now->persistent))
    return false;
  if (atomic_fetch_add(&now->faults, 1) == 0 && getenv("FAULTS_TRACE")) {
    void *frames[40];
    backtrace_symbols_fd(frames, backtrace(frames, 40), 2);
  }
  return true;
}

/* ---- what lives ---- */

/* Every block that was not freed yet, by its address. */
enum { BLOCKS = 1 << 18 };

typedef struct block {
  void *address; /* NULL: no block; ERASED: one was here */
  void *caller;  /* who has allocated it */
  who who;       /* the same in words */
} block;

#define ERASED ((void *)1)

static block blocks[BLOCKS];
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t hash(const void *address) {
  return ((uintptr_t)address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 46;
}

static void *note(who from, void *address, void *caller) {
  if (!address)
    return NULL;
  pthread_mutex_lock(&blocks_lock);
  size_t i = hash(address) % BLOCKS;
  while (blocks[i].address && blocks[i].address != ERASED)
    i = (i + 1) % BLOCKS;
  blocks[i] = (block){address, caller, from};
  pthread_mutex_unlock(&blocks_lock);
  return address;
}

/* Forgets a block, if it was noted. */
static void forget(const void *address) {
  if (!address)
    return;
  pthread_mutex_lock(&blocks_lock);
  size_t i = hash(address) % BLOCKS;
  while (blocks[i].address && blocks[i].address != address)
    i = (i + 1) % BLOCKS;
  if (blocks[i].address)
    blocks[i].address = ERASED;
  pthread_mutex_unlock(&blocks_lock);
}

/* Says what was not freed, and how many blocks that are. */
static long tell_leaks(void) {
  long count = 0;
  for (size_t i = 0; i < BLOCKS; i++) {
    if (!blocks[i].address || blocks[i].address == ERASED)
      continue;
    if (count++ < 5) {
      fprintf(stderr, "  not freed: a block of %s, allocated at ", who_names[blocks[i].who]);
      fflush(stderr);
      backtrace_symbols_fd(&blocks[i].caller, 1, 2);
    }
  }
  return count;
}

/* ---- the library's own allocations ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);

void *__wrap_malloc(size_t size) {
  void *caller = __builtin_return_address(0);
  return fails(WHO_HOST) ? NULL : note(WHO_HOST, __real_malloc(size), caller);
}

void *__wrap_calloc(size_t count, size_t size) {
  void *caller = __builtin_return_address(0);
  return fails(WHO_HOST) ? NULL : note(WHO_HOST, __real_calloc(count, size), caller);
}

static void *change(who from, void *address, size_t size, void *caller) {
  if (fails(from))
    return NULL;
  forget(address);
  return note(from, __real_realloc(address, size), caller);
}

void *__wrap_realloc(void *address, size_t size) {
  return change(WHO_HOST, address, size, __builtin_return_address(0));
}

void __wrap_free(void *address) {
  forget(address);
  __real_free(address);
}

char *__wrap_strdup(const char *text) {
  void *caller = __builtin_return_address(0);
  return fails(WHO_HOST) ? NULL : note(WHO_HOST, __real_strdup(text), caller);
}

char *__wrap_strndup(const char *text, size_t length) {
  void *caller = __builtin_return_address(0);
  return fails(WHO_HOST) ? NULL : note(WHO_HOST, __real_strndup(text, length), caller);
}

/* ---- libuv's ---- */

static void *uv_malloc(size_t size) {
  return fails(WHO_UV) ? NULL : note(WHO_UV, __real_malloc(size), __builtin_return_address(0));
}

static void *uv_calloc(size_t count, size_t size) {
  void *caller = __builtin_return_address(0);
  return fails(WHO_UV) ? NULL : note(WHO_UV, __real_calloc(count, size), caller);
}

static void *uv_realloc(void *address, size_t size) {
  return change(WHO_UV, address, size, __builtin_return_address(0));
}

static void uv_free(void *address) {
  forget(address);
  __real_free(address);
}

/* libuv gives up the process where it cannot grow its list of watched descriptors: it is made large
 * enough before. */
static void grow_watchers(uv_loop_t *loop) {
  uv_poll_t poll;
  int low = open("/dev/null", O_RDWR), pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    abort();
  int high = fcntl(pair[0], F_DUPFD, 500);
  uv_poll_init(loop, &poll, high);
  uv_poll_start(&poll, UV_READABLE, NULL);
  uv_close((uv_handle_t *)&poll, NULL);
  uv_run(loop, UV_RUN_NOWAIT);
  close(low);
  close(high);
  close(pair[0]);
  close(pair[1]);
}

/* ---- Lua's ---- */

/* A request that fails is made again after a garbage collection, and must fail then too. */
static _Thread_local size_t asked_again;

static void *lua_allocate(void *context, void *address, size_t before, size_t size) {
  (void)context;
  if (size == 0) {
    uv_free(address);
    return NULL;
  }
  bool grows = !address || size > before;
  bool is_again = grows && size == asked_again;
  if (grows)
    asked_again = 0;
  if (is_again && !now->persistent)
    return NULL;
  if (grows && fails(WHO_LUA)) {
    asked_again = is_again ? 0 : size;
    return NULL;
  }
  forget(address);
  return note(WHO_LUA, __real_realloc(address, size), __builtin_return_address(0));
}

static int on_panic(lua_State *L) {
  fprintf(stderr, "  an error outside of all protection: %s\n", lua_tostring(L, -1));
  abort();
}

/* ---- what scripts call ---- */

/* Lua: arm(may_deadlock): from here on allocations fail. */
static int l_arm(lua_State *L) {
  now->may_deadlock = lua_toboolean(L, 1);
  if (now->who == WHO_UV)
    grow_watchers(tp_state_host(L)->loop);
  is_main = true;
  atomic_store(&armed, true);
  return 0;
}

/* Lua: check(holds, text). */
static int l_check(lua_State *L) {
  if (lua_toboolean(L, 1))
    return 0;
  return luaL_error(L, "WRONG: does not hold: %s", lua_tostring(L, 2));
}

/* Where sockets of the runs are. */
static char directory[] = "/tmp/faults.XXXXXX";

/* Lua: socket_path(): a path of this run's own. */
static int l_socket_path(lua_State *L) {
  lua_pushfstring(L, "%s/%d", directory, (int)getpid());
  return 1;
}

static void remove_directory(void) {
  char path[300];
  DIR *opened = opendir(directory);
  for (struct dirent *entry; opened && (entry = readdir(opened));) {
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    unlink(path);
  }
  if (opened)
    closedir(opened);
  rmdir(directory);
}

/* Sends the text to the socket at `path` as soon as somebody listens there, and reads until the
 * end. */
static void run_client(const char *path, const char *text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char answers[4096];
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  for (int tries = 0; tries < 3000; tries++) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
      if (write(fd, text, strlen(text)) > 0)
        while (read(fd, answers, sizeof answers) > 0)
          ;
      return;
    }
    close(fd);
    usleep(1000);
  }
}

/* Lua: client(path, text): a process that does so. */
static int l_client(lua_State *L) {
  const char *path = luaL_checkstring(L, 1), *text = luaL_checkstring(L, 2);
  pid_t parent = getpid();
  if (fork() != 0)
    return 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  if (getppid() == parent)
    run_client(path, text);
  _exit(0);
}

/* Lua: start_limited(seconds, f, …): the future of a job that has so much time. */
static int l_start_limited(lua_State *L) {
  tp_future_start(L, lua_gettop(L) - 2, "a limited job", luaL_checknumber(L, 1));
  return 1;
}

/* ---- C code that uses the header ---- */

static struct { int begun, done; /* calls whose end a callback is told of */ } calls;

static void on_done(void *context, const tp_error *error, const tp_value *results, size_t count) {
  (void)context, (void)error, (void)results, (void)count;
  calls.done++;
}

static void finish(void *context, tp_host *host) {
  (void)host;
  size_t count;
  const tp_value *args = tp_work_args(context, &count);
  tp_work_return(context, args, count);
}

/* A worker that finishes its call later. */
static void work_later(void *host, tp_work *work) {
  if (!tp_host_post(host, finish, work, NULL))
    tp_work_fail(work, TP_NO_MEMORY, "no memory to post");
}

static bool count_down(void *context, tp_value *element) {
  *element = tp_string("element");
  return (*(int *)context)-- > 0;
}

static tp_future *submit(tp_pool *pool, const char *function) {
  tp_value args[] = {tp_integer(1), tp_string("two"), tp_list(args, 2)};
  tp_future *future = tp_pool_submit(pool, function, args, 3, NULL, on_done, NULL, NULL);
  calls.begun += future != NULL;
  return future;
}

static void use_pool(tp_host *host, tp_pool *pool) {
  static int left = 3;
  tp_future *future = submit(pool, "echo");
  submit(pool, "echo");
  if (tp_host_register(host, "later", work_later, host, NULL))
    submit(pool, "later");
  tp_items items = {.next = count_down, .context = &left};
  tp_pool_map(pool, "echo", &items, NULL, NULL);
  tp_value_free(tp_pool_status(pool, NULL));
  tp_value_free(tp_pool_groups(pool, true, TP_UNLIMITED, NULL));
  tp_future_cancel(future, "enough");
  calls.begun += tp_pool_gather_and_close(pool, true, on_done, NULL, NULL);
}

/* Lua: use_header(): does what an embedder does. */
static int l_use_header(lua_State *L) {
  tp_host *host = tp_state_host(L);
  tp_pool *pool = tp_pool_create(host, NULL, NULL);
  tp_value_free(tp_value_parse("{a = [1, 2, 'three']}", NULL));
  if (pool)
    use_pool(host, pool);
  return 0;
}

/* Lua: calls_are_done(): whether each callback has been called. */
static int l_calls_are_done(lua_State *L) {
  lua_pushboolean(L, calls.done == calls.begun);
  return 1;
}

lua_State *__wrap_luaL_newstate(void) {
  bool was_armed = atomic_exchange(&armed, false);
  lua_State *L = lua_newstate(lua_allocate, NULL);
  lua_atpanic(L, on_panic);
  lua_register(L, "arm", l_arm);
  lua_register(L, "check", l_check);
  lua_register(L, "client", l_client);
  lua_register(L, "socket_path", l_socket_path);
  lua_register(L, "start_limited", l_start_limited);
  lua_register(L, "use_header", l_use_header);
  lua_register(L, "calls_are_done", l_calls_are_done);
  lua_pushstring(L, who_names[now->who]);
  lua_setglobal(L, "failing");
  atomic_store(&armed, was_armed);
  return L;
}

/* ---- one run ---- */

static void note_record(void *context, const tp_log_record *record) {
  (void)context;
  if (record->level >= TP_LOG_WARNING)
    atomic_fetch_add(&now->told, 1);
  if (getenv("FAULTS_LOG"))
    fprintf(stderr, "  %s %s\n", tp_log_level_name(record->level), record->message);
}

/* The scenario that begins with the making of the host. */
static bool begins_at_once(const run *of) {
  return strcmp(of->scenario, "start") == 0 && of->who != WHO_UV;
}

static bool run_host(run *of) {
  char path[300];
  snprintf(path, sizeof path, DIRECTORY "%s.lua", of->scenario);
  is_main = true;
  atomic_store(&armed, begins_at_once(of));
  tp_host_options options = {.size = sizeof options, .log = note_record, .preempt = true};
  tp_host *host = tp_host_create(&options, &of->error);
  bool ok =
      host && tp_host_run_file(host, path, 0, NULL, &of->error) && tp_host_run(host, &of->error);
  tp_host_destroy(host);
  atomic_store(&armed, false);
  return ok;
}

/* Runs a scenario to its end, and says how it came out. */
static int run_here(run *of) {
  now = of;
  memset(blocks, 0, sizeof blocks);
  uv_replace_allocator(uv_malloc, uv_realloc, uv_calloc, uv_free);
  json_set_alloc_funcs(__wrap_malloc, __wrap_free);
  bool ok = run_host(of);
  uv_library_shutdown();
  if (tell_leaks() > 0)
    return RUN_LEAKED;
  if (ok)
    return RUN_PASSED;
  bool is_told = of->error.code != TP_OK && *of->error.message;
  if (!is_told || (of->error.code == TP_DEADLOCK && !of->may_deadlock) ||
      (strstr(of->error.message, "WRONG") && !of->told))
    return RUN_WRONG;
  return RUN_FAILED_CLEANLY;
}

/* ---- many runs ---- */

/* Runs at a time, and how long one may take, seconds. */
enum { SLOTS = 4 };

static double time_limit = 20;

/* A process that runs. */
typedef struct slot {
  double since; /* when it began */
  run *run;     /* what it runs; shared */
  pid_t pid;    /* 0: none */
  int output;   /* what it has printed */
} slot;

/* What came of the runs of one kind. */
typedef struct tally {
  long sites, faults, survived, hangs, crashes, leaks, wrong;
} tally;

static slot slots[SLOTS];

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Says what is not as it must be, and how to see it again. */
static void complain(const run *of, const slot *in, const char *what, int detail) {
  char text[3000];
  fprintf(stderr, "%s (%d): %s %s %s %ld%s%s\n", what, detail, of->scenario, who_names[of->who],
          of->persistent ? "persistent" : "once", of->k, of->error.code ? ": " : "",
          of->error.message);
  lseek(in->output, 0, SEEK_SET);
  ssize_t length = read(in->output, text, sizeof text);
  if (length > 0)
    fwrite(text, 1, (size_t)length, stderr);
}

static void count(tally *sum, slot *in, int status) {
  const run *of = in->run;
  int code = WEXITSTATUS(status);
  sum->faults += of->faults > 0;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    sum->hangs++;
    complain(of, in, "hang", 0);
  } else if (WIFSIGNALED(status) || code > RUN_WRONG) {
    sum->crashes++;
    complain(of, in, "crash", status);
  } else if (code == RUN_LEAKED) {
    sum->leaks++;
    complain(of, in, "leak", 0);
  } else if (code == RUN_WRONG || (code != RUN_PASSED && !of->faults)) {
    sum->wrong++;
    complain(of, in, "wrong", code);
  } else {
    sum->survived += of->faults > 0;
  }
  in->pid = 0;
}

/* Waits for a process that ends, ends one that takes too long, and counts it. */
static void wait_for_one(tally *sum) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) == 0) {
    for (int i = 0; i < SLOTS; i++)
      if (slots[i].pid && seconds() - slots[i].since > time_limit)
        kill(slots[i].pid, SIGKILL);
    usleep(300);
  }
  for (int i = 0; i < SLOTS; i++)
    if (slots[i].pid == pid)
      count(sum, &slots[i], status);
}

static slot *free_slot(void) {
  for (int i = 0; i < SLOTS; i++)
    if (!slots[i].pid)
      return &slots[i];
  return NULL;
}

static bool any_runs(void) {
  for (int i = 0; i < SLOTS; i++)
    if (slots[i].pid)
      return true;
  return false;
}

/* Begins a run in a process of its own. */
static slot *begin(tally *sum, const run *wanted) {
  slot *in;
  while (!(in = free_slot()))
    wait_for_one(sum);
  memcpy(in->run, wanted, sizeof *wanted);
  if (ftruncate(in->output, 0) != 0)
    abort();
  in->since = seconds();
  in->pid = fork();
  if (in->pid == 0) {
    dup2(in->output, 2);
    lseek(2, 0, SEEK_SET);
    exit(run_here(in->run));
  }
  return in;
}

/* How many allocations a scenario has when none fails. */
static long sites_of(tally *sum, const run *wanted) {
  const run *of = begin(sum, wanted)->run;
  while (any_runs())
    wait_for_one(sum);
  return of->sites;
}

/* Sweeps over the allocations of one scenario. */
static void sweep(tally *sum, const char *scenario, who from, bool persistent, long most) {
  run wanted = {.scenario = scenario, .who = from, .persistent = persistent};
  long sites = sites_of(sum, &wanted);
  long stride = sites > most ? sites / most : 1;
  sum->sites += sites;
  for (wanted.k = 1; wanted.k <= sites; wanted.k += stride)
    begin(sum, &wanted);
  while (any_runs())
    wait_for_one(sum);
}

/* ---- all ---- */

enum { SCENARIOS_MAX = 40 };

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all scenarios, in the order of the alphabet. */
static int find_scenarios(char *names[]) {
  DIR *opened = opendir(DIRECTORY);
  int count = 0;
  for (struct dirent *entry; opened && (entry = readdir(opened)) && count < SCENARIOS_MAX;) {
    char *dot = strrchr(entry->d_name, '.');
    if (dot && strcmp(dot, ".lua") == 0)
      names[count++] = strndup(entry->d_name, (size_t)(dot - entry->d_name));
  }
  if (opened)
    closedir(opened);
  qsort(names, (size_t)count, sizeof *names, compare);
  return count;
}

static bool is_clean(const tally *sum) {
  return sum->sites > 0 && sum->survived == sum->faults && !sum->hangs && !sum->crashes &&
         !sum->leaks && !sum->wrong;
}

/* Sweeps over all scenarios, or the one of that name, and prints what came of it. */
static bool sweep_all(char *const names[], int count, who from, bool persistent, long most) {
  tally sum = {0};
  double begun = seconds();
  for (int i = 0; i < count; i++)
    sweep(&sum, names[i], from, persistent, most);
  printf("oom-%s %s: sites=%ld faults=%ld survived=%ld hangs=%ld crashes=%ld leaks=%ld wrong=%ld "
         "(%.0f s)\n",
         who_names[from], persistent ? "persistent" : "once", sum.sites, sum.faults, sum.survived,
         sum.hangs, sum.crashes, sum.leaks, sum.wrong, seconds() - begun);
  fflush(stdout);
  return is_clean(&sum);
}

static int run_one(char *const arguments[]) {
  static run one;
  one.scenario = arguments[0];
  while (one.who < WHO_COUNT && strcmp(arguments[1], who_names[one.who]) != 0)
    one.who++;
  one.persistent = strcmp(arguments[2], "persistent") == 0;
  one.k = strtol(arguments[3], NULL, 10);
  int code = run_here(&one);
  printf("%s: %s %s\n",
         code == RUN_PASSED           ? "passed"
         : code == RUN_FAILED_CLEANLY ? "failed cleanly"
         : code == RUN_LEAKED         ? "leaked"
                                      : "wrong",
         one.error.code ? tp_code_name(one.error.code) : "", one.error.message);
  return code;
}

/* The part of the environment that says how much is to be done. */
static long most_of(const char *text) {
  if (!text)
    return 16;
  return strcmp(text, "all") == 0 ? INT32_MAX : strtol(text, NULL, 10);
}

int main(int argc, char *argv[]) {
  char *names[SCENARIOS_MAX];
  if (!mkdtemp(directory))
    return 1;
  if (argc == 5) {
    int code = run_one(argv + 1);
    remove_directory();
    return code;
  }
  int count = find_scenarios(names);
  for (int i = 0; i < SLOTS; i++) {
    slots[i].run =
        mmap(NULL, sizeof(run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    slots[i].output = memfd_create("output", 0);
  }
  long most = most_of(getenv("FAULTS"));
  bool ok = true;
  if (argc == 2) {
    names[0] = argv[1];
    count = 1;
  }
  for (who from = WHO_LUA; from < WHO_COUNT; from++)
    for (int persistent = 0; persistent <= 1; persistent++)
      ok &= sweep_all(names, count, from, persistent, most);
  remove_directory();
  return ok ? 0 : 1;
}
