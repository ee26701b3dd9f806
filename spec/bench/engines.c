/* SPDX-License-Identifier: MIT
 *
 * Measures an engine: trivial items, submitted, claimed and acknowledged batch by batch.
 *
 *     engines ENGINE MEMBERS COUNT     ENGINE: sqlite-normal, sqlite-full, redis-everysec,
 * redis-always engines ENGINE waiting COUNT
 *
 * Prints items a second, from the first submit to the end of the group; or how many bytes of the
 * server's memory or of the file an item takes that waits. A member is a process; the first one is
 * the producer as well. Redis is a server of our own, whose append-only file is synced each second
 * or always.
 */
#define _GNU_SOURCE
#include "support/engines.h"

/* Items that a member claims at a time, and claims that are under way. */
#define BATCH 256
#define CLAIMS 2

/* Chunks that the producer has under way, and how many items may wait. */
#define CHUNKS 4
#define BACKLOG 20000

/* A process: a member, and perhaps the producer. */
typedef struct worker {
  place at;              /* its engine */
  char id[16];           /* of the member */
  uint64_t group;        /* what is run */
  uint64_t total;        /* items to be submitted; 0: it does not produce */
  uint64_t submitted;    /* so far */
  uint64_t waiting;      /* items that wait, as the engine has said */
  unsigned chunks;       /* under way */
  unsigned claims;       /* the same */
  unsigned acknowledged; /* acknowledgements under way */
} worker;

/* A batch that is being acknowledged. */
typedef struct batch {
  worker *of;                        /* whose */
  tp_engine_outcome outcomes[BATCH]; /* what came of it */
} batch;

static void claim_more(worker *self);

static void on_done(void *context, const tp_engine_answer *answer) {
  batch *done = context;
  EXPECT(answer->code == TP_OK);
  done->of->acknowledged--;
  free(done);
}

static void on_claimed(void *context, const tp_engine_answer *answer) {
  worker *self = context;
  EXPECT(answer->code == TP_OK);
  self->claims--;
  if (answer->count == 0)
    return;
  batch *done = calloc(1, sizeof *done);
  EXPECT(done != NULL);
  done->of = self;
  for (size_t i = 0; i < answer->count; i++)
    done->outcomes[i] = (tp_engine_outcome){
        answer->items[i].group, answer->items[i].number, TP_ENGINE_OK, {NULL, 0}};
  self->acknowledged++;
  EXPECT(tp_engine_done(self->at.engine, self->id, done->outcomes, answer->count, on_done, done));
  claim_more(self);
}

static void claim_more(worker *self) {
  for (; self->claims < CLAIMS; self->claims++)
    EXPECT(tp_engine_claim(self->at.engine, self->id, BATCH, on_claimed, self));
}

static void submit_more(worker *self);

static void on_submitted(void *context, const tp_engine_answer *answer) {
  worker *self = context;
  EXPECT(answer->code == TP_OK);
  self->chunks--;
  self->waiting = answer->waiting;
  submit_more(self);
}

static void submit_more(worker *self) {
  static tp_span items[TP_ENGINE_CHUNK_MAX];
  unsigned most = self->waiting < BACKLOG ? CHUNKS : 1;
  for (size_t i = 0; i < TP_ENGINE_CHUNK_MAX; i++)
    items[i] = (tp_span){"\x93\x01\x02\x03 some arguments", 19};
  for (; self->chunks < most && self->submitted < self->total; self->chunks++) {
    uint64_t left = self->total - self->submitted;
    size_t count = left < TP_ENGINE_CHUNK_MAX ? (size_t)left : TP_ENGINE_CHUNK_MAX;
    EXPECT(tp_engine_submit(self->at.engine, self->group, self->submitted, items, count, 0,
                            on_submitted, self));
    self->submitted += count;
  }
  if (self->submitted == self->total && self->chunks == 0)
    EXPECT(tp_engine_close_group(self->at.engine, self->group, NULL, NULL));
}

/* Runs until the group is over. */
static void work(worker *self) {
  tp_engine_member member = {.id = tp_span_of(self->id), .lease = 60};
  EXPECT(ASK(ROWS_NONE, tp_engine_join, self->at.engine, &member) == TP_OK);
  if (self->total > 0)
    submit_more(self);
  claim_more(self);
  for (unsigned works = 0; self->at.told[TP_ENGINE_END] == 0;) {
    uv_run(&loop, UV_RUN_ONCE);
    if (self->at.told[TP_ENGINE_WORK] != works)
      claim_more(self);
    works = self->at.told[TP_ENGINE_WORK];
  }
  while (self->acknowledged > 0 || self->claims > 0)
    uv_run(&loop, UV_RUN_ONCE);
}

/* A further member, in a process of its own. */
static pid_t start_member(const char *url, bool is_synced) {
  pid_t process = fork();
  EXPECT(process >= 0);
  if (process > 0)
    return process;
  worker self = {.id = "second"};
  uv_loop_init(&loop);
  open_synced(&self.at, url, "bench", is_synced);
  await_event(&self.at, TP_ENGINE_UP, 1);
  work(&self);
  close_place(&self.at);
  _exit(0);
}

/* Opens the engine, once that many members are there, and adds the group. */
static void begin(worker *self, const char *url, bool is_synced, size_t members) {
  tp_engine_plan plan = {.name = {"g", 1}, .losses_max = 3, .ttl = 60};
  uv_loop_init(&loop);
  open_synced(&self->at, url, "bench", is_synced);
  await_event(&self->at, TP_ENGINE_UP, 1);
  for (size_t found = 0; found < members; found = said.answer.count)
    EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, self->at.engine) == TP_OK);
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, self->at.engine, &plan) == TP_OK);
  self->group = said.answer.group;
}

static void end(worker *self) {
  close_place(&self->at);
  EXPECT(uv_loop_close(&loop) == 0);
}

/* Items a second. */
static double measure_speed(const char *url, bool is_synced, int members, uint64_t count) {
  worker self = {.id = "first", .total = count};
  pid_t second = members > 1 ? start_member(url, is_synced) : 0;
  begin(&self, url, is_synced, second ? 1 : 0);
  uint64_t before = uv_hrtime();
  work(&self);
  double seconds = (double)(uv_hrtime() - before) / 1e9;
  EXPECT(!second || waitpid(second, NULL, 0) == second);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, self.at.engine, (tp_span){NULL, 0}, self.group) ==
         TP_OK);
  EXPECT(said.groups[0].ok == count);
  end(&self);
  return (double)count / seconds;
}

/* Bytes that the engine takes: of its file, or of the server's memory. */
static double read_size(bool is_redis) {
  char command[256];
  double size = 0;
  snprintf(
      command, sizeof command,
      is_redis
          ? "redis-cli -s %s/redis.sock info memory | sed -n 's/^used_memory:\\([0-9]*\\).*/\\1/p'"
          : "cat %s/jobs.db | wc -c",
      directory);
  FILE *pipe = popen(command, "re"); /* NOLINT(cert-env33-c): our own words */
  EXPECT(pipe && fscanf(pipe, "%lf", &size) == 1 && pclose(pipe) == 0); /* NOLINT(cert-err34-c) */
  return size;
}

/* Bytes of an item that waits. SQLite writes its journal into the file when that is closed. */
static double measure_size(const char *url, bool is_redis, uint64_t count) {
  worker self = {.total = count};
  begin(&self, url, false, 0);
  double before = is_redis ? read_size(true) : 0;
  submit_more(&self);
  while (self.chunks > 0)
    uv_run(&loop, UV_RUN_ONCE);
  double size = is_redis ? read_size(true) - before : 0;
  end(&self);
  return (is_redis ? size : read_size(false)) / (double)count;
}

int main(int argc, char **argv) {
  char url[128];
  EXPECT(argc == 4 && (strncmp(argv[1], "redis-", 6) == 0 || strncmp(argv[1], "sqlite-", 7) == 0));
  bool is_redis = strncmp(argv[1], "redis-", 6) == 0, is_full = strcmp(argv[1], "sqlite-full") == 0;
  const char *const more[] = {"--appendfsync", argv[1] + strlen("redis-"), NULL};
  uint64_t count = strtoull(argv[3], NULL, 10);
  make_directory();
  snprintf(url, sizeof url, is_redis ? "redis+unix:%s/redis.sock" : "sqlite:%s/jobs.db", directory);
  pid_t server = is_redis ? start_redis(more) : 0;
  printf("%.1f\n", strcmp(argv[2], "waiting") == 0
                       ? measure_size(url, is_redis, count)
                       : measure_speed(url, is_full, (int)strtol(argv[2], NULL, 10), count));
  if (server)
    stop_redis(server);
  remove_directory();
  return 0;
}
