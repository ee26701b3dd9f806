/* SPDX-License-Identifier: MIT
 *
 * Measures engines: trivial items, submitted, claimed and acknowledged batch by batch.
 *
 *     build/bench/engines [COUNT]
 *
 * Prints a line for each engine and number of members: tasks a second from the first submit to the
 * end of the group. A member is a process; the first one is the producer as well. Redis is a server
 * of our own, with an append-only file that is synced each second. */
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

static void measure(const char *name, const char *url, bool is_synced, int members,
                    uint64_t count) {
  worker self = {.id = "first", .total = count};
  tp_engine_plan plan = {.name = {"g", 1}, .losses_max = 3, .ttl = 60};
  pid_t second = members > 1 ? start_member(url, is_synced) : 0;
  uv_loop_init(&loop);
  open_synced(&self.at, url, "bench", is_synced);
  await_event(&self.at, TP_ENGINE_UP, 1);
  for (size_t found = 0; found + 1 < (size_t)members; found = said.answer.count)
    EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, self.at.engine) == TP_OK);
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, self.at.engine, &plan) == TP_OK);
  self.group = said.answer.group;
  uint64_t before = uv_hrtime();
  work(&self);
  double seconds = (double)(uv_hrtime() - before) / 1e9;
  if (second)
    EXPECT(waitpid(second, NULL, 0) == second);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, self.at.engine, plan.name, 0) == TP_OK);
  EXPECT(said.groups[0].ok == count);
  printf("%-16s members=%d tasks=%llu tasks/s=%.0f\n", name, members, (unsigned long long)count,
         (double)count / seconds);
  close_place(&self.at);
  EXPECT(uv_loop_close(&loop) == 0);
}

static void measure_sqlite(bool is_synced, uint64_t count) {
  char url[128];
  for (int members = 1; members <= 2; members++) {
    make_directory();
    snprintf(url, sizeof url, "sqlite:%s/jobs.db", directory);
    measure(is_synced ? "sqlite full" : "sqlite normal", url, is_synced, members, count);
    remove_directory();
  }
}

static void measure_redis(const char *sync, uint64_t count) {
  char url[128], name[32];
  for (int members = 1; members <= 2; members++) {
    const char *const more[] = {"--appendfsync", sync, NULL};
    make_directory();
    snprintf(url, sizeof url, "redis+unix:%s/redis.sock", directory);
    snprintf(name, sizeof name, "redis %s", sync);
    pid_t server = start_redis(more);
    measure(name, url, false, members, count);
    stop_redis(server);
    remove_directory();
  }
}

int main(int argc, char **argv) {
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
  setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef TP_HAVE_SQLITE
  measure_sqlite(false, count);
  measure_sqlite(true, count);
#endif
#ifdef TP_HAVE_HIREDIS
  if (has_redis()) {
    measure_redis("everysec", count);
    measure_redis("always", count);
  }
#endif
  return 0;
}
