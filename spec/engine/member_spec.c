/* SPDX-License-Identifier: MIT
 *
 * Members of a shared pool, over each kind of engine: what they claim, acknowledge, give back and
 * lose, and what is left of the work when they are killed at random. */
#define _GNU_SOURCE
#include "engine/member.h"
#include "support/engines.h"

/* The chaos: items, members, and how many of these are killed. */
#define CHAOS_ITEMS 2000
#define CHAOS_MEMBERS 3
#define CHAOS_KILLS 20

/* A member, and what it has told. */
typedef struct host {
  tp_member *member;                /* NULL: it has left */
  tp_member_item *items[1000];      /* handed out, in order; NULL: done */
  size_t count;                     /* of them */
  size_t lost;                      /* items that were lost */
  uint64_t cancelled;               /* the last group that was cancelled */
  bool answers;                     /* items are done as soon as they come */
  unsigned told[TP_ENGINE_LOW + 1]; /* how often each event */
} host;

static char url[128];
static place at; /* an engine to look from outside */
static pid_t server;
static unsigned pool_number;
static char pool[32];

/* ---- shorthands ---- */

static void on_run(void *context, tp_member_item *item) {
  host *self = context;
  EXPECT(self->count < COUNT(self->items));
  self->items[self->count++] = item;
  if (!self->answers)
    return;
  self->items[self->count - 1] = NULL;
  if (self->count == COUNT(self->items))
    self->count = 0;
  tp_member_done(self->member, item, TP_ENGINE_OK, item->item.bytes);
  tp_member_add_room(self->member, 1);
}

static void on_lost(void *context, tp_member_item *item) {
  host *self = context;
  EXPECT(item->is_lost);
  self->lost++;
}

static void on_cancelled(void *context, uint64_t group) {
  ((host *)context)->cancelled = group;
}

static void on_told(void *context, tp_engine_event event, uint64_t group, const tp_error *error) {
  (void)group, (void)error;
  ((host *)context)->told[event]++;
}

static void open_host(host *self, double lease, int64_t room) {
  tp_error error;
  tp_member_options options = {.engine = {.url = url, .pool = pool, .timeout = 2},
                               .size = 8,
                               .lease = lease,
                               .version = "1.2.3",
                               .listener = {on_run, on_lost, on_cancelled, on_told},
                               .context = self};
  bool answers = self->answers;
  *self = (host){.answers = answers, .member = tp_member_open(&loop, &options, &error)};
  EXPECT_OK(self->member != NULL);
  tp_member_add_room(self->member, room);
}

static void leave(host *self) {
  bool has_left = false;
  tp_member_leave(self->member, on_closed, &has_left);
  run_until(&has_left);
  self->member = NULL;
}

static void done(host *self, size_t index, tp_engine_ending ending, const char *bytes) {
  tp_member_done(self->member, self->items[index], ending, tp_span_of(bytes));
  self->items[index] = NULL;
}

static uint64_t add_group(tp_engine_plan plan) {
  plan.name = tp_span_of("g");
  plan.ttl = 60;
  plan.keep = TP_ENGINE_KEEP_ALL;
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, at.engine, &plan) == TP_OK);
  return said.answer.group;
}

static void submit(uint64_t group, uint64_t first, size_t count) {
  tp_span items[TP_ENGINE_CHUNK_MAX];
  for (size_t i = 0; i < count; i++)
    items[i] = (tp_span){"item", 4};
  EXPECT(ASK(ROWS_NONE, tp_engine_submit, at.engine, group, first, items, count, 0) == TP_OK);
}

static const tp_engine_group *look(uint64_t group) {
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, at.engine, (tp_span){NULL, 0}, group) == TP_OK);
  return &said.groups[0];
}

/* AWAIT(condition): runs the loop until it holds. */
#define AWAIT(condition)                                                                           \
  for (unsigned spent = 0; !(condition); spent += 2) {                                             \
    EXPECT(spent < PATIENCE);                                                                      \
    run_for(2);                                                                                    \
  }

static const tp_engine_plan simple = {.losses_max = 3, .pause_max = 1};

/* ---- work ---- */

static void items_are_claimed_run_and_acknowledged(void) {
  host self = {.answers = true};
  uint64_t group = add_group(simple);
  submit(group, 0, 300);
  open_host(&self, 15, 20);
  AWAIT(look(group)->ok == 300);
  submit(group, 300, 50);
  AWAIT(look(group)->ok == 350);
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, at.engine) == TP_OK && said.answer.count == 1);
  EXPECT(said.members[0].size == 8 && said.members[0].pid == (uint64_t)getpid());
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, at.engine, group, 0, 500) == TP_OK);
  EXPECT(said.answer.count == 350 && is_text(said.outcomes[7].bytes, "item"));
  leave(&self);
}

/* Each outcome comes while the one before is on its way, and the loop is late. */
static void outcomes_do_not_wait_for_more_of_them(void) {
  host self = {0};
  uint64_t group = add_group(simple);
  submit(group, 0, 40);
  open_host(&self, 60, 40);
  AWAIT(self.count == 40);
  for (size_t i = 0; i < 40; i++) {
    done(&self, i, TP_ENGINE_OK, "");
    uv_sleep(6);
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  AWAIT(look(group)->ok == 40);
  leave(&self);
}

static void no_more_is_claimed_than_there_is_room(void) {
  host self = {0};
  uint64_t group = add_group(simple);
  submit(group, 0, 10);
  open_host(&self, 15, 3);
  AWAIT(self.count == 3);
  EXPECT(look(group)->running == 3);
  done(&self, 1, TP_ENGINE_OK, "");
  tp_member_add_room(self.member, 2);
  AWAIT(self.count == 5);
  AWAIT(look(group)->ok == 1);
  EXPECT(look(group)->running == 4);
  leave(&self);
  EXPECT(look(group)->waiting == 9 && said.groups[0].running == 0);
}

static void a_retry_comes_when_it_is_due(void) {
  host self = {0};
  tp_engine_plan plan = simple;
  plan.retries = 1;
  plan.pause = 0.03;
  uint64_t group = add_group(plan);
  submit(group, 0, 1);
  open_host(&self, 60, 5); /* the first beat is far away */
  AWAIT(self.count == 1);
  done(&self, 0, TP_ENGINE_FAILED, "bad");
  AWAIT(self.count == 2);
  EXPECT(self.items[1]->item.tries == 1);
  done(&self, 1, TP_ENGINE_OK, "");
  leave(&self);
  EXPECT(look(group)->ok == 1);
}

static void a_cancel_is_told(void) {
  host self = {0};
  uint64_t group = add_group(simple);
  submit(group, 0, 3);
  open_host(&self, 60, 1);
  AWAIT(self.count == 1);
  EXPECT(ASK(ROWS_NONE, tp_engine_cancel, at.engine, group) == TP_OK);
  AWAIT(self.cancelled == group);
  done(&self, 0, TP_ENGINE_STOPPED, "");
  AWAIT(look(group)->ended > 0);
  leave(&self);
}

static void who_leaves_acknowledges_what_is_done(void) {
  host self = {0};
  uint64_t group = add_group(simple);
  submit(group, 0, 5);
  open_host(&self, 60, 5);
  AWAIT(self.count == 5);
  done(&self, 0, TP_ENGINE_OK, "");
  done(&self, 1, TP_ENGINE_UNSTARTED, "");
  leave(&self);
  EXPECT(look(group)->ok == 1 && said.groups[0].waiting == 4 && said.groups[0].running == 0);
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, at.engine) == TP_OK && said.answer.count == 0);
}

/* ---- losses ---- */

static void who_was_taken_off_loses_its_items_and_joins_anew(void) {
  host self = {0};
  uint64_t group = add_group(simple);
  submit(group, 0, 4);
  open_host(&self, 0.3, 2);
  AWAIT(self.count == 2);
  done(&self, 0, TP_ENGINE_OK, "late"); /* not sent yet: it is lost as well */
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, at.engine) == TP_OK && said.answer.count == 1);
  char id[256];
  snprintf(id, sizeof id, "%.*s", (int)said.members[0].id.length, said.members[0].id.bytes);
  EXPECT(ASK(ROWS_NONE, tp_engine_leave, at.engine, id) == TP_OK);
  AWAIT(self.lost > 0);
  done(&self, 1, TP_ENGINE_OK, "nobody takes this");
  self.answers = true;
  tp_member_add_room(self.member, 10);
  AWAIT(look(group)->ok == 4);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, at.engine, group, 0, 9) == TP_OK);
  for (size_t i = 0; i < said.answer.count; i++)
    EXPECT(!is_text(said.outcomes[i].bytes, "nobody takes this"));
  EXPECT(said.answer.count == 4);
  leave(&self);
}

static void dead_members_are_taken_off(void) {
  host self = {0};
  tp_engine_member dead = {.id = {"dead", 4}, .lease = 0.01};
  uint64_t group = add_group(simple);
  submit(group, 0, 3);
  EXPECT(ASK(ROWS_NONE, tp_engine_join, at.engine, &dead) == TP_OK);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, at.engine, "dead", 3) == TP_OK);
  EXPECT(said.answer.count == 3);
  open_host(&self, 0.2, 5);
  AWAIT(self.count == 3);
  EXPECT(self.items[0]->item.losses == 1);
  leave(&self);
}

/* ---- an engine that goes and comes back ---- */

static bool can_restart(void) {
  return server > 0;
}

static void restart(host *self) {
  unsigned before = self->told[TP_ENGINE_UP], there = at.told[TP_ENGINE_UP];
  server = start_redis(NULL);
  AWAIT(self->told[TP_ENGINE_UP] > before);
  await_event(&at, TP_ENGINE_UP, there + 1);
}

static void what_was_done_meanwhile_is_acknowledged_later(void) {
  host self = {0};
  if (!can_restart())
    return;
  uint64_t group = add_group(simple);
  submit(group, 0, 3);
  open_host(&self, 20, 2);
  AWAIT(self.count == 2);
  stop_redis(server);
  AWAIT(self.told[TP_ENGINE_DOWN] > 0);
  done(&self, 0, TP_ENGINE_OK, "kept");
  run_for(30); /* an acknowledgement has been tried, or would be too early */
  restart(&self);
  AWAIT(look(group)->ok == 1);
  EXPECT(self.lost == 0 && said.groups[0].running == 1);
  done(&self, 1, TP_ENGINE_OK, "");
  AWAIT(look(group)->ok == 2);
  leave(&self);
}

static void an_acknowledgement_that_is_lost_is_sent_again(void) {
  host self = {0};
  if (!can_restart())
    return;
  uint64_t group = add_group(simple);
  submit(group, 0, 2);
  open_host(&self, 20, 2);
  AWAIT(self.count == 2);
  kill(server, SIGSTOP);
  done(&self, 0, TP_ENGINE_OK, "kept");
  run_for(30); /* it is sent meanwhile, or else when the server is back */
  stop_redis(server);
  AWAIT(self.told[TP_ENGINE_DOWN] > 0);
  restart(&self);
  AWAIT(look(group)->ok == 1);
  EXPECT(self.count == 2 && said.groups[0].running == 1);
  leave(&self);
}

static void what_a_lost_claim_took_is_run(void) {
  host self = {0};
  if (!can_restart())
    return;
  uint64_t group = add_group(simple);
  submit(group, 0, 3);
  open_host(&self, 20, 1);
  AWAIT(self.count == 1);
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, at.engine) == TP_OK && said.answer.count == 1);
  char id[256];
  snprintf(id, sizeof id, "%.*s", (int)said.members[0].id.length, said.members[0].id.bytes);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, at.engine, id, 2) == TP_OK && said.answer.count == 2);
  stop_redis(server); /* as if these two had been lost on the way to the member */
  AWAIT(self.told[TP_ENGINE_DOWN] > 0);
  restart(&self);
  AWAIT(self.count == 3);
  for (size_t i = 0; i < 3; i++)
    done(&self, i, TP_ENGINE_OK, "");
  AWAIT(look(group)->ok == 3);
  leave(&self);
}

static void an_engine_that_is_away_is_not_waited_for(void) {
  host self = {0};
  if (!can_restart())
    return;
  uint64_t group = add_group(simple);
  submit(group, 0, 1);
  open_host(&self, 20, 2);
  AWAIT(self.count == 1);
  stop_redis(server);
  AWAIT(self.told[TP_ENGINE_DOWN] > 0);
  done(&self, 0, TP_ENGINE_OK, "");
  leave(&self);
  unsigned there = at.told[TP_ENGINE_UP];
  server = start_redis(NULL);
  await_event(&at, TP_ENGINE_UP, there + 1);
}

/* ---- chaos ---- */

/* A process that works until it is killed. */
static pid_t start_process(void) {
  pid_t process = fork();
  EXPECT(process >= 0);
  if (process > 0)
    return process;
  host self = {.answers = true};
  uv_loop_init(&loop);
  open_host(&self, 0.3, 16);
  for (;;)
    uv_run(&loop, UV_RUN_ONCE);
}

/* Reads all results: how many there are, and how many of these came twice. */
static void read_results(uint64_t group, size_t *recorded, size_t *doubled) {
  static bool seen[CHAOS_ITEMS];
  uint64_t cursor = 0;
  memset(seen, 0, sizeof seen);
  for (*recorded = *doubled = 0;; cursor = said.answer.cursor) {
    EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, at.engine, group, cursor, 10) == TP_OK);
    if (said.answer.count == 0)
      return;
    for (size_t i = 0; i < said.answer.count; i++, ++*recorded) {
      *doubled += seen[said.outcomes[i].number];
      seen[said.outcomes[i].number] = true;
    }
  }
}

static void nothing_is_lost_when_members_are_killed(void) {
  pid_t processes[CHAOS_MEMBERS];
  host self = {.answers = true};
  tp_engine_plan plan = simple;
  plan.limit = 20;
  plan.losses_max = 250;
  uint64_t group = add_group(plan);
  uint64_t submitted = 0;
  for (size_t i = 0; i < CHAOS_MEMBERS; i++)
    processes[i] = start_process();
  for (size_t kills = 0; kills < CHAOS_KILLS; kills++) {
    submit(group, submitted, CHAOS_ITEMS / CHAOS_KILLS);
    submitted += CHAOS_ITEMS / CHAOS_KILLS;
    AWAIT(look(group)->running > 0 || said.groups[0].waiting == 0);
    EXPECT(said.groups[0].running <= 20);
    pid_t *victim = &processes[kills * 7 % CHAOS_MEMBERS];
    EXPECT(kill(*victim, SIGKILL) == 0 && waitpid(*victim, NULL, 0) == *victim);
    *victim = start_process();
  }
  EXPECT(ASK(ROWS_NONE, tp_engine_close_group, at.engine, group) == TP_OK);
  open_host(&self, 0.3, 16);
  AWAIT(look(group)->ended > 0);
  size_t recorded, doubled;
  read_results(group, &recorded, &doubled);
  printf("chaos kills=%d recorded=%zu lost=%zu doubled_results=%zu\n", CHAOS_KILLS, recorded,
         CHAOS_ITEMS - recorded, doubled);
  EXPECT(recorded == CHAOS_ITEMS && doubled == 0 && look(group)->ok == CHAOS_ITEMS);
  for (size_t i = 0; i < CHAOS_MEMBERS; i++)
    EXPECT(kill(processes[i], SIGKILL) == 0 && waitpid(processes[i], NULL, 0) == processes[i]);
  leave(&self);
}

static const spec_case cases[] = {
    CASE(items_are_claimed_run_and_acknowledged),
    CASE(outcomes_do_not_wait_for_more_of_them),
    CASE(no_more_is_claimed_than_there_is_room),
    CASE(a_retry_comes_when_it_is_due),
    CASE(a_cancel_is_told),
    CASE(who_leaves_acknowledges_what_is_done),
    CASE(who_was_taken_off_loses_its_items_and_joins_anew),
    CASE(dead_members_are_taken_off),
    CASE(what_was_done_meanwhile_is_acknowledged_later),
    CASE(an_acknowledgement_that_is_lost_is_sent_again),
    CASE(what_a_lost_claim_took_is_run),
    CASE(an_engine_that_is_away_is_not_waited_for),
    CASE(nothing_is_lost_when_members_are_killed),
};

/* Runs each case with a pool of its own. */
static void run_all(const char *kind, int argc, char **argv) {
  size_t count = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    if (argc > 1 && !strstr(cases[i].name, argv[1]))
      continue;
    if (argc > 1)
      printf("%s: %s\n", kind, cases[i].name);
    snprintf(pool, sizeof pool, "pool %u", ++pool_number);
    open_place(&at, url, pool);
    await_event(&at, TP_ENGINE_UP, 1);
    cases[i].run();
    close_place(&at);
    count++;
  }
  printf("member: %s cases=%zu ok\n", kind, count);
}

int main(int argc, char **argv) {
  (void)argc, (void)argv; /* a build without engines has no use for them */
  setvbuf(stdout, NULL, _IOLBF, 0);
  make_directory();
  uv_loop_init(&loop);
#ifdef TP_HAVE_SQLITE
  snprintf(url, sizeof url, "sqlite:%s/jobs.db", directory);
  run_all("sqlite", argc, argv);
#else
  puts("member: sqlite skipped, this build is without it");
#endif
#ifdef TP_HAVE_HIREDIS
  if (has_redis()) {
    server = start_redis(NULL);
    snprintf(url, sizeof url, "redis+unix:%s/redis.sock", directory);
    run_all("redis", argc, argv);
    stop_redis(server);
  } else {
    puts("member: redis skipped, there is no redis-server");
  }
#else
  puts("member: redis skipped, this build is without hiredis");
#endif
  EXPECT(uv_loop_close(&loop) == 0);
  remove_directory();
  return 0;
}
