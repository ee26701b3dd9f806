/* SPDX-License-Identifier: MIT
 *
 * What all engines do, over each kind: every transition of groups, items and members. */
#define _GNU_SOURCE
#include "support/engines.h"

#include <math.h>

static char url[128];  /* of the engine that is being looked at */
static place one, two; /* two engines of one pool */
static unsigned pool_number;

/* ---- shorthands ---- */

static const tp_engine_plan simple = {.function = {"work.run", 8},
                                      .losses_max = 3,
                                      .pause_max = 1,
                                      .keep = TP_ENGINE_KEEP_ALL,
                                      .ttl = 60};

/* Adds a group. Returns its number. */
static uint64_t add(const char *name, tp_engine_plan plan) {
  plan.name = tp_span_of(name);
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, one.engine, &plan) == TP_OK);
  EXPECT(said.answer.group > 0);
  return said.answer.group;
}

/* Submits `count` items, whose bytes are "item N". */
static tp_code submit(uint64_t group, uint64_t first, size_t count, double delay) {
  static char texts[TP_ENGINE_CHUNK_MAX][24];
  tp_span items[TP_ENGINE_CHUNK_MAX];
  for (size_t i = 0; i < count; i++) {
    snprintf(texts[i], sizeof texts[i], "item %zu", (size_t)first + i);
    items[i] = tp_span_of(texts[i]);
  }
  return ASK(ROWS_NONE, tp_engine_submit, one.engine, group, first, items, count, delay);
}

static tp_code join(const char *id, double lease) {
  tp_engine_member member = {.id = tp_span_of(id),
                             .host = {"here", 4},
                             .version = {"1.2.3", 5},
                             .pid = 77,
                             .size = 5,
                             .running = 2,
                             .rate = 1.5,
                             .lease = lease};
  return ASK(ROWS_NONE, tp_engine_join, one.engine, &member);
}

static tp_code beat(const char *id, double lease) {
  tp_engine_member member = {.id = tp_span_of(id), .size = 6, .running = 3, .lease = lease};
  return ASK(ROWS_CANCELLED, tp_engine_beat, one.engine, &member);
}

/* Claims. Returns how many items came. */
static size_t claim(const char *id, uint32_t want) {
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, one.engine, id, want) == TP_OK);
  return said.answer.count;
}

/* Says what came of one item. */
static tp_engine_fate done(const char *id, uint64_t group, uint64_t number, tp_engine_ending ending,
                           const char *bytes) {
  tp_engine_outcome outcome = {group, number, ending, tp_span_of(bytes)};
  EXPECT(ASK(ROWS_FATES, tp_engine_done, one.engine, id, &outcome, 1) == TP_OK);
  EXPECT(said.answer.count == 1);
  return said.fates[0];
}

/* Looks at a group. */
static const tp_engine_group *look(uint64_t group) {
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, one.engine, (tp_span){NULL, 0}, group) == TP_OK);
  EXPECT(said.answer.count == 1);
  return &said.groups[0];
}

static tp_code close_group(uint64_t group) {
  return ASK(ROWS_NONE, tp_engine_close_group, one.engine, group);
}

static tp_code cancel(uint64_t group) {
  return ASK(ROWS_NONE, tp_engine_cancel, one.engine, group);
}

/* Takes off a member whose lease was `lease` seconds. Returns how many items it held. */
static size_t reap(void) {
  for (unsigned spent = 0;; spent += 5) {
    EXPECT(ASK(ROWS_NONE, tp_engine_reap, one.engine) == TP_OK);
    if (said.answer.count > 0)
      return said.answer.count;
    EXPECT(spent < PATIENCE);
    run_for(5);
  }
}

/* A group with items, and a member "m" that holds the first `held` of them. */
static uint64_t prepare(const char *name, tp_engine_plan plan, size_t count, uint32_t held) {
  uint64_t group = add(name, plan);
  EXPECT(submit(group, 0, count, 0) == TP_OK);
  EXPECT(join("m", 60) == TP_OK);
  EXPECT(held == 0 || claim("m", held) == held);
  return group;
}

/* ---- groups ---- */

static void a_group_is_what_its_producer_said(void) {
  tp_engine_plan plan = {.function = {"a.b", 3},
                         .token = {"me", 2},
                         .detail = {"\0x\xff", 3},
                         .weight = -2.5,
                         .limit = 7,
                         .retries = 3,
                         .losses_max = 4,
                         .pause = 0.25,
                         .pause_max = 8,
                         .low = 10,
                         .keep = TP_ENGINE_KEEP_ERRORS,
                         .ttl = 90};
  uint64_t group = add("a name", plan);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, one.engine, tp_span_of("a name"), 0) == TP_OK);
  const tp_engine_group *found = &said.groups[0];
  EXPECT(found->id == group && is_text(found->plan.name, "a name"));
  EXPECT(is_text(found->plan.function, "a.b") && found->plan.detail.length == 3);
  EXPECT(memcmp(found->plan.detail.bytes, "\0x\xff", 3) == 0);
  EXPECT(found->plan.weight == -2.5 && found->plan.limit == 7 && found->plan.retries == 3);
  EXPECT(found->plan.losses_max == 4 && found->plan.pause == 0.25 && found->plan.pause_max == 8);
  EXPECT(found->plan.low == 10 && found->plan.keep == TP_ENGINE_KEEP_ERRORS);
  EXPECT(found->plan.ttl == 90 && found->state == TP_ENGINE_OPEN && found->total == 0);
  EXPECT(found->created > 1e9 && found->ended == 0);
}

static void a_name_is_taken_once(void) {
  tp_engine_plan plan = simple;
  plan.token = tp_span_of("mine");
  uint64_t group = add("g", plan);
  EXPECT(add("g", plan) == group);
  plan.name = tp_span_of("g");
  plan.token = tp_span_of("theirs");
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, one.engine, &plan) == TP_TASK_GROUP_ALREADY_EXISTS);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, one.engine, tp_span_of("none"), 0) ==
         TP_TASK_GROUP_NOT_FOUND);
  EXPECT(add("h", plan) > group);
}

static void groups_are_listed_in_parts(void) {
  uint64_t first = add("a", simple), second = add("b", simple), third = add("c", simple);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_groups, one.engine, 0, 2) == TP_OK);
  EXPECT(said.answer.count == 2 && said.groups[0].id == first && said.groups[1].id == second);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_groups, one.engine, said.answer.cursor, 2) == TP_OK);
  EXPECT(said.answer.count == 1 && said.groups[0].id == third);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_groups, one.engine, said.answer.cursor, 2) == TP_OK);
  EXPECT(said.answer.count == 0);
}

static void a_pool_does_not_see_another_one(void) {
  place other;
  uint64_t group = prepare("g", simple, 1, 0);
  open_place(&other, url, "another");
  await_event(&other, TP_ENGINE_UP, 1);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, other.engine, tp_span_of("g"), 0) ==
         TP_TASK_GROUP_NOT_FOUND);
  tp_engine_member member = {.id = {"x", 1}, .lease = 60};
  EXPECT(ASK(ROWS_NONE, tp_engine_join, other.engine, &member) == TP_OK);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, other.engine, "x", 5) == TP_OK);
  EXPECT(said.answer.count == 0);
  EXPECT(look(group)->waiting == 1);
  close_place(&other);
}

static void an_ended_group_is_forgotten_and_its_name_is_free(void) {
  tp_engine_plan plan = simple;
  plan.ttl = 0.02;
  uint64_t group = prepare("g", plan, 1, 1);
  EXPECT(done("m", group, 0, TP_ENGINE_OK, "r") == TP_ENGINE_RECORDED);
  EXPECT(close_group(group) == TP_OK);
  for (unsigned spent = 0;
       ASK(ROWS_GROUPS, tp_engine_find_group, one.engine, (tp_span){NULL, 0}, group) == TP_OK;
       spent += 5) {
    EXPECT(spent < PATIENCE);
    run_for(5);
  }
  EXPECT(said.answer.code == TP_TASK_GROUP_NOT_FOUND);
  EXPECT(add("g", simple) != group);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_groups, one.engine, 0, 10) == TP_OK);
  EXPECT(said.answer.count == 1);
}

/* ---- submitting ---- */

static void chunks_that_are_sent_again_are_ignored(void) {
  uint64_t group = add("g", simple);
  EXPECT(submit(group, 0, 3, 0) == TP_OK && said.answer.total == 3 && said.answer.waiting == 3);
  EXPECT(submit(group, 0, 3, 0) == TP_OK && said.answer.total == 3 && said.answer.waiting == 3);
  EXPECT(submit(group, 2, 3, 0) == TP_OK && said.answer.total == 5 && said.answer.waiting == 5);
  EXPECT(submit(group, 6, 2, 0) == TP_INVALID_ARGUMENT && said.answer.total == 5);
  EXPECT(look(group)->total == 5 && said.groups[0].waiting == 5);
  EXPECT(join("m", 60) == TP_OK && claim("m", 10) == 5);
  for (size_t i = 0; i < 5; i++) {
    char text[24];
    snprintf(text, sizeof text, "item %zu", i);
    EXPECT(said.items[i].group == group && is_text(said.items[i].bytes, text));
    EXPECT(said.items[i].number == i && said.items[i].tries == 0 && said.items[i].losses == 0);
  }
}

static void a_closed_group_takes_no_more(void) {
  uint64_t group = prepare("g", simple, 2, 0);
  EXPECT(close_group(group) == TP_OK && close_group(group) == TP_OK);
  EXPECT(submit(group, 2, 1, 0) == TP_POOL_IS_LOCKED);
  EXPECT(submit(group, 0, 2, 0) == TP_OK); /* known already */
  EXPECT(submit(group + 1000, 0, 1, 0) == TP_TASK_GROUP_NOT_FOUND);
  EXPECT(close_group(group + 1000) == TP_TASK_GROUP_NOT_FOUND);
  EXPECT(cancel(group) == TP_OK && submit(group, 2, 1, 0) == TP_CANCELLED);
}

static void what_is_out_of_bounds_is_refused(void) {
  static char name[TP_ENGINE_NAME_MAX + 1];
  tp_engine_plan plan = simple;
  memset(name, 'x', sizeof name);
  plan.name = (tp_span){name, sizeof name};
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, one.engine, &plan) == TP_INVALID_ARGUMENT);
  uint64_t group = add("g", simple);
  EXPECT(ASK(ROWS_NONE, tp_engine_submit, one.engine, group, 0, NULL, 0, 0) == TP_INVALID_ARGUMENT);
  EXPECT(ASK(ROWS_NONE, tp_engine_submit, one.engine, group, 0, NULL, TP_ENGINE_CHUNK_MAX + 1, 0) ==
         TP_INVALID_ARGUMENT);
  EXPECT(submit(group, 0, 1, INFINITY) == TP_INVALID_ARGUMENT);
  EXPECT(submit(group, UINT64_MAX, 1, 0) == TP_INVALID_ARGUMENT);
}

static void empty_and_binary_items_stay_what_they_are(void) {
  static char large[40000];
  uint64_t group = add("g", simple);
  tp_span items[] = {{NULL, 0}, {"\0\r\n\xff", 4}, {large, sizeof large}};
  for (size_t i = 0; i < sizeof large; i++)
    large[i] = (char)(i * 31);
  EXPECT(ASK(ROWS_NONE, tp_engine_submit, one.engine, group, 0, items, 3, 0) == TP_OK);
  EXPECT(join("m", 60) == TP_OK && claim("m", 3) == 3);
  for (size_t i = 0; i < 3; i++) {
    EXPECT(said.items[i].bytes.length == items[i].length);
    EXPECT(items[i].length == 0 ||
           memcmp(said.items[i].bytes.bytes, items[i].bytes, items[i].length) == 0);
  }
}

/* Claims until one item comes. */
static void await_item(void) {
  for (unsigned spent = 0; claim("m", 1) == 0; spent += 2) {
    EXPECT(spent < PATIENCE);
    run_for(2);
  }
}

static void a_delayed_item_is_due_later(void) {
  uint64_t group = add("g", simple);
  EXPECT(submit(group, 0, 2, 30) == TP_OK && submit(group, 2, 1, 0) == TP_OK);
  EXPECT(look(group)->delayed == 2 && said.groups[0].waiting == 1);
  EXPECT(join("m", 60) == TP_OK && claim("m", 9) == 1 && said.items[0].number == 2);
  EXPECT(said.answer.next_due > 5 && said.answer.next_due <= 30);
  EXPECT(submit(group, 3, 1, 0.02) == TP_OK);
  await_item();
  EXPECT(said.items[0].number == 3 && is_text(said.items[0].bytes, "item 3"));
  EXPECT(look(group)->delayed == 2 && said.groups[0].running == 2);
}

/* ---- claiming ---- */

static void groups_take_turns_after_their_weights(void) {
  tp_engine_plan heavy = simple;
  heavy.weight = 1;
  uint64_t last = prepare("heavy", heavy, 4, 0);
  uint64_t first = prepare("a", simple, 4, 0), second = prepare("b", simple, 4, 0);
  EXPECT(claim("m", 2) == 2 && said.items[0].group == first && said.items[1].group == first);
  EXPECT(claim("m", 2) == 2 && said.items[0].group == second);
  EXPECT(claim("m", 1) == 1 && said.items[0].group == first);
  EXPECT(claim("m", 9) == 7 && said.items[6].group == last);
}

static void a_limit_holds_over_all_members(void) {
  tp_engine_plan plan = simple;
  plan.limit = 3;
  uint64_t group = prepare("g", plan, 9, 2);
  EXPECT(join("n", 60) == TP_OK && claim("n", 9) == 1 && claim("m", 1) == 0);
  EXPECT(done("m", group, 0, TP_ENGINE_OK, "") == TP_ENGINE_RECORDED);
  EXPECT(claim("n", 9) == 1 && look(group)->running == 3);
  EXPECT(ASK(ROWS_NONE, tp_engine_set_limit, one.engine, group, 5) == TP_OK);
  EXPECT(claim("m", 9) == 2);
  EXPECT(claim("m", 9) == 0);
  EXPECT(ASK(ROWS_NONE, tp_engine_set_limit, one.engine, group, 0) == TP_OK);
  EXPECT(claim("m", 9) == 3 && look(group)->running == 8);
}

static void a_stranger_gets_nothing(void) {
  uint64_t group = prepare("g", simple, 1, 0);
  tp_engine_outcome outcome = {group, 0, TP_ENGINE_OK, {NULL, 0}};
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, one.engine, "who", 1) == TP_NOT_AVAILABLE);
  EXPECT(said.answer.is_gone);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_held, one.engine, "who") == TP_NOT_AVAILABLE);
  EXPECT(said.answer.is_gone);
  EXPECT(ASK(ROWS_FATES, tp_engine_done, one.engine, "who", &outcome, 1) == TP_NOT_AVAILABLE);
  EXPECT(said.answer.is_gone && beat("who", 1) == TP_NOT_AVAILABLE && said.answer.is_gone);
  EXPECT(look(group)->waiting == 1);
}

static void what_a_lost_claim_took_can_be_asked_for(void) {
  prepare("g", simple, 5, 3);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_held, one.engine, "m") == TP_OK && said.answer.count == 3);
  EXPECT(is_text(said.items[said.items[0].number == 2 ? 0 : 2].bytes, "item 2"));
}

/* ---- what came of items ---- */

static void outcomes_are_counted_and_kept_once(void) {
  uint64_t group = prepare("g", simple, 3, 3);
  EXPECT(done("m", group, 1, TP_ENGINE_OK, "one") == TP_ENGINE_RECORDED);
  EXPECT(done("m", group, 1, TP_ENGINE_OK, "again") == TP_ENGINE_LOST);
  EXPECT(done("m", group, 9, TP_ENGINE_OK, "never") == TP_ENGINE_LOST);
  EXPECT(done("m", group + 1000, 0, TP_ENGINE_OK, "nowhere") == TP_ENGINE_LOST);
  EXPECT(done("m", group, 0, TP_ENGINE_STOPPED, "") == TP_ENGINE_RECORDED);
  EXPECT(look(group)->ok == 1 && said.groups[0].cancelled == 1 && said.groups[0].running == 1);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, 0, 100) == TP_OK);
  EXPECT(said.answer.count == 2 && !said.answer.is_over && said.outcomes[0].number == 1);
  EXPECT(said.outcomes[0].ending == TP_ENGINE_OK && is_text(said.outcomes[0].bytes, "one"));
  EXPECT(said.outcomes[1].number == 0 && said.outcomes[1].ending == TP_ENGINE_STOPPED);
  uint64_t cursor = said.answer.cursor;
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, cursor, 100) == TP_OK);
  EXPECT(said.answer.count == 0 && said.answer.cursor == cursor && !said.answer.is_over);
  EXPECT(close_group(group) == TP_OK &&
         done("m", group, 2, TP_ENGINE_OK, "2") == TP_ENGINE_RECORDED);
  EXPECT(look(group)->ended > 1e9);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, cursor, 100) == TP_OK);
  EXPECT(said.answer.count == 1 && is_text(said.outcomes[0].bytes, "2"));
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, said.answer.cursor, 100) ==
         TP_OK);
  EXPECT(said.answer.count == 0 && said.answer.is_over);
}

static void a_group_keeps_what_it_asks_for(void) {
  tp_engine_plan errors = simple, none = simple;
  errors.keep = TP_ENGINE_KEEP_ERRORS;
  none.keep = TP_ENGINE_KEEP_NONE;
  uint64_t groups[] = {prepare("e", errors, 2, 2), prepare("n", none, 2, 2)};
  for (size_t i = 0; i < 2; i++) {
    EXPECT(done("m", groups[i], 0, TP_ENGINE_OK, "fine") == TP_ENGINE_RECORDED);
    EXPECT(done("m", groups[i], 1, TP_ENGINE_FAILED, "bad") == TP_ENGINE_DEAD);
    EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, groups[i], 0, 9) == TP_OK);
    EXPECT(said.answer.count == (i == 0 ? 1 : 0));
  }
}

static void one_batch_may_be_of_several_groups(void) {
  uint64_t a = prepare("a", simple, 2, 2), b = prepare("b", simple, 2, 2);
  tp_engine_outcome outcomes[] = {{a, 0, TP_ENGINE_OK, {"a0", 2}},
                                  {b, 0, TP_ENGINE_HOPELESS, {"b0", 2}},
                                  {a, 7, TP_ENGINE_OK, {"a7", 2}},
                                  {a, 1, TP_ENGINE_STOPPED, {NULL, 0}},
                                  {b, 1, TP_ENGINE_UNSTARTED, {NULL, 0}}};
  EXPECT(ASK(ROWS_FATES, tp_engine_done, one.engine, "m", outcomes, 5) == TP_OK);
  EXPECT(said.answer.count == 5 && said.fates[0] == TP_ENGINE_RECORDED);
  EXPECT(said.fates[1] == TP_ENGINE_DEAD && said.fates[2] == TP_ENGINE_LOST);
  EXPECT(said.fates[3] == TP_ENGINE_RECORDED && said.fates[4] == TP_ENGINE_RETRIED);
  EXPECT(look(a)->ok == 1 && said.groups[0].cancelled == 1 && said.groups[0].running == 0);
  EXPECT(look(b)->failed == 1 && said.groups[0].waiting == 1 && said.groups[0].running == 0);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, a, 0, 9) == TP_OK);
  EXPECT(said.answer.count == 2);
}

static void an_item_that_is_named_twice_counts_once(void) {
  uint64_t group = prepare("g", simple, 2, 2);
  tp_engine_outcome outcomes[] = {{group, 0, TP_ENGINE_OK, {"a", 1}},
                                  {group, 0, TP_ENGINE_OK, {"b", 1}},
                                  {group, 0, TP_ENGINE_HOPELESS, {"c", 1}}};
  EXPECT(ASK(ROWS_FATES, tp_engine_done, one.engine, "m", outcomes, 3) == TP_OK);
  EXPECT(said.fates[0] == TP_ENGINE_RECORDED && said.fates[1] == TP_ENGINE_LOST);
  EXPECT(said.fates[2] == TP_ENGINE_LOST);
  EXPECT(look(group)->ok == 1 && said.groups[0].failed == 0 && said.groups[0].running == 1);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, 0, 9) == TP_OK);
  EXPECT(said.answer.count == 1 && is_text(said.outcomes[0].bytes, "a"));
}

static void a_failed_item_is_tried_again_with_growing_pauses(void) {
  tp_engine_plan plan = simple;
  plan.retries = 2;
  plan.pause = 0.02;
  uint64_t group = prepare("g", plan, 1, 1);
  for (uint32_t try = 1; try <= 2; try++) {
    uint64_t before = uv_hrtime();
    EXPECT(done("m", group, 0, TP_ENGINE_FAILED, "bad") == TP_ENGINE_RETRIED);
    await_item();
    EXPECT((double)(uv_hrtime() - before) / 1e9 > 0.02 * try - 0.002);
    EXPECT(said.items[0].tries == try && is_text(said.items[0].bytes, "item 0"));
  }
  EXPECT(done("m", group, 0, TP_ENGINE_FAILED, "the end") == TP_ENGINE_DEAD);
  EXPECT(look(group)->failed == 1 && said.groups[0].dead == 1);
}

static void pauses_have_an_upper_limit(void) {
  tp_engine_plan plan = simple;
  plan.retries = 9;
  plan.pause = 90;
  plan.pause_max = 60;
  uint64_t group = prepare("g", plan, 1, 1);
  EXPECT(done("m", group, 0, TP_ENGINE_FAILED, "bad") == TP_ENGINE_RETRIED);
  EXPECT(look(group)->delayed == 1 && said.groups[0].running == 0 && claim("m", 1) == 0);
  EXPECT(said.answer.next_due > 30 && said.answer.next_due <= 60);
}

static void retries_without_a_pause_wait_at_the_end(void) {
  tp_engine_plan plan = simple;
  plan.retries = 1;
  uint64_t group = prepare("g", plan, 3, 1);
  EXPECT(done("m", group, 0, TP_ENGINE_FAILED, "") == TP_ENGINE_RETRIED);
  EXPECT(claim("m", 2) == 2 && claim("m", 1) == 1);
  EXPECT(said.items[0].number == 0 && said.items[0].tries == 1);
}

static void what_was_not_started_goes_back_to_the_front(void) {
  uint64_t group = prepare("g", simple, 4, 2);
  EXPECT(done("m", group, 0, TP_ENGINE_UNSTARTED, "") == TP_ENGINE_RETRIED);
  EXPECT(claim("m", 1) == 1 && said.items[0].number == 0 && said.items[0].tries == 0);
  EXPECT(look(group)->waiting == 2 && said.groups[0].running == 2);
}

/* ---- the dead list ---- */

static void hopeless_items_are_on_the_dead_list(void) {
  tp_engine_plan plan = simple;
  plan.retries = 5;
  uint64_t group = prepare("g", plan, 3, 3);
  EXPECT(done("m", group, 2, TP_ENGINE_HOPELESS, "bad 2") == TP_ENGINE_DEAD);
  EXPECT(done("m", group, 0, TP_ENGINE_HOPELESS, "bad 0") == TP_ENGINE_DEAD);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_dead, one.engine, 0, 1) == TP_OK && said.answer.count == 1);
  EXPECT(said.items[0].group == group && said.items[0].number == 2 && said.items[0].tries == 1);
  EXPECT(is_text(said.items[0].error, "bad 2") && is_text(said.items[0].bytes, "item 2"));
  EXPECT(said.items[0].time > 1e9);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_dead, one.engine, said.answer.cursor, 9) == TP_OK);
  EXPECT(said.answer.count == 1 && said.items[0].number == 0);
}

static void a_dead_item_can_be_retried_or_dropped(void) {
  uint64_t group = prepare("g", simple, 2, 2);
  EXPECT(close_group(group) == TP_OK);
  EXPECT(done("m", group, 0, TP_ENGINE_FAILED, "bad") == TP_ENGINE_DEAD);
  EXPECT(done("m", group, 1, TP_ENGINE_FAILED, "bad") == TP_ENGINE_DEAD);
  EXPECT(look(group)->ended > 0 && said.groups[0].failed == 2 && said.groups[0].dead == 2);
  EXPECT(ASK(ROWS_NONE, tp_engine_retry_dead, one.engine, group, 0) == TP_OK);
  EXPECT(look(group)->ended == 0 && said.groups[0].failed == 1 && said.groups[0].dead == 1);
  EXPECT(claim("m", 9) == 1 && said.items[0].number == 0 && said.items[0].tries == 0);
  EXPECT(is_text(said.items[0].bytes, "item 0"));
  EXPECT(done("m", group, 0, TP_ENGINE_OK, "") == TP_ENGINE_RECORDED && look(group)->ended > 0);
  EXPECT(ASK(ROWS_NONE, tp_engine_drop_dead, one.engine, group, 1) == TP_OK);
  EXPECT(ASK(ROWS_NONE, tp_engine_drop_dead, one.engine, group, 1) == TP_NOT_FOUND);
  EXPECT(ASK(ROWS_NONE, tp_engine_retry_dead, one.engine, group, 0) == TP_NOT_FOUND);
  EXPECT(look(group)->dead == 0 && said.groups[0].failed == 1);
}

static void a_group_with_dead_items_is_not_forgotten(void) {
  tp_engine_plan plan = simple;
  plan.ttl = 0;
  uint64_t group = prepare("g", plan, 1, 1);
  EXPECT(close_group(group) == TP_OK);
  EXPECT(done("m", group, 0, TP_ENGINE_FAILED, "bad") == TP_ENGINE_DEAD);
  EXPECT(look(group)->dead == 1);
  EXPECT(ASK(ROWS_NONE, tp_engine_drop_dead, one.engine, group, 0) == TP_OK);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, one.engine, (tp_span){NULL, 0}, group) ==
         TP_TASK_GROUP_NOT_FOUND);
}

/* ---- cancels ---- */

static void a_cancel_drops_what_waits(void) {
  tp_engine_plan plan = simple;
  plan.retries = 9;
  uint64_t group = prepare("g", plan, 5, 3);
  EXPECT(submit(group, 5, 2, 30) == TP_OK && cancel(group) == TP_OK && cancel(group) == TP_OK);
  EXPECT(look(group)->state == TP_ENGINE_CANCELLED && said.groups[0].cancelled == 4);
  EXPECT(said.groups[0].running == 3 && said.groups[0].ended == 0);
  EXPECT(claim("m", 9) == 0);
  EXPECT(beat("m", 60) == TP_OK && said.answer.count == 1 && said.cancelled[0] == group);
  EXPECT(done("m", group, 0, TP_ENGINE_STOPPED, "") == TP_ENGINE_RECORDED);
  EXPECT(done("m", group, 1, TP_ENGINE_UNSTARTED, "") == TP_ENGINE_RECORDED);
  EXPECT(done("m", group, 2, TP_ENGINE_FAILED, "") == TP_ENGINE_RECORDED);
  EXPECT(look(group)->cancelled == 6 && said.groups[0].failed == 1 && said.groups[0].dead == 0);
  EXPECT(said.groups[0].ended > 0 && beat("m", 60) == TP_OK && said.answer.count == 0);
  EXPECT(cancel(group + 1000) == TP_TASK_GROUP_NOT_FOUND);
}

static void members_are_told_of_cancels_and_ends(void) {
  uint64_t group = prepare("g", simple, 2, 1);
  EXPECT(cancel(group) == TP_OK);
  await_event(&two, TP_ENGINE_CANCEL, 1);
  EXPECT(two.group == group && two.told[TP_ENGINE_END] == 0);
  EXPECT(done("m", group, 0, TP_ENGINE_STOPPED, "") == TP_ENGINE_RECORDED);
  await_event(&two, TP_ENGINE_END, 1);
  await_event(&one, TP_ENGINE_END, 1);
  EXPECT(two.group == group && one.told[TP_ENGINE_CANCEL] == 1);
}

static void a_group_without_items_ends_when_it_is_closed(void) {
  uint64_t group = add("g", simple);
  EXPECT(close_group(group) == TP_OK && look(group)->ended > 0);
  await_event(&two, TP_ENGINE_END, 1);
  EXPECT(cancel(group) == TP_OK && look(group)->state == TP_ENGINE_CLOSED);
}

/* ---- members ---- */

static void members_are_listed(void) {
  EXPECT(join("m", 60) == TP_OK && join("n", 30) == TP_OK && join("m", 50) == TP_OK);
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, one.engine) == TP_OK && said.answer.count == 2);
  const tp_engine_member *m = &said.members[is_text(said.members[0].id, "m") ? 0 : 1];
  EXPECT(is_text(m->id, "m") && is_text(m->host, "here") && m->pid == 77 && m->size == 5);
  EXPECT(m->running == 2 && m->rate == 1.5 && m->lease > 40 && m->lease <= 50);
  EXPECT(beat("m", 20) == TP_OK);
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, one.engine) == TP_OK);
  m = &said.members[is_text(said.members[0].id, "m") ? 0 : 1];
  EXPECT(m->size == 6 && m->running == 3 && m->lease > 10 && m->lease <= 20);
  EXPECT(ASK(ROWS_NONE, tp_engine_leave, one.engine, "n") == TP_OK);
  EXPECT(ASK(ROWS_MEMBERS, tp_engine_members, one.engine) == TP_OK && said.answer.count == 1);
}

static void a_lost_member_gives_its_items_back(void) {
  uint64_t group = add("g", simple);
  EXPECT(submit(group, 0, 5, 0) == TP_OK && join("dying", 0.02) == TP_OK && join("m", 60) == TP_OK);
  EXPECT(claim("dying", 3) == 3 && reap() == 3);
  EXPECT(look(group)->waiting == 5 && said.groups[0].running == 0);
  tp_engine_outcome outcome = {group, 0, TP_ENGINE_OK, {NULL, 0}};
  EXPECT(ASK(ROWS_FATES, tp_engine_done, one.engine, "dying", &outcome, 1) == TP_NOT_AVAILABLE);
  EXPECT(said.answer.is_gone && beat("dying", 1) == TP_NOT_AVAILABLE && said.answer.is_gone);
  EXPECT(claim("m", 2) == 2);
  for (size_t i = 0; i < 2; i++)
    EXPECT(said.items[i].number < 3 && said.items[i].losses == 1 && said.items[i].tries == 0);
}

static void the_result_of_who_lost_an_item_is_dropped(void) {
  uint64_t group = add("g", simple);
  EXPECT(submit(group, 0, 1, 0) == TP_OK && join("slow", 0.02) == TP_OK && join("m", 60) == TP_OK);
  EXPECT(claim("slow", 1) == 1 && reap() == 1 && claim("m", 1) == 1);
  EXPECT(join("slow 2", 60) == TP_OK);
  EXPECT(done("slow 2", group, 0, TP_ENGINE_OK, "late") == TP_ENGINE_LOST);
  EXPECT(done("m", group, 0, TP_ENGINE_OK, "right") == TP_ENGINE_RECORDED);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, 0, 9) == TP_OK);
  EXPECT(said.answer.count == 1 && is_text(said.outcomes[0].bytes, "right"));
}

static void a_beat_in_time_keeps_a_member(void) {
  uint64_t group = add("g", simple);
  EXPECT(submit(group, 0, 1, 0) == TP_OK && join("m", 0.02) == TP_OK && claim("m", 1) == 1);
  EXPECT(beat("m", 60) == TP_OK);
  run_for(30);
  EXPECT(ASK(ROWS_NONE, tp_engine_reap, one.engine) == TP_OK && said.answer.count == 0);
  EXPECT(done("m", group, 0, TP_ENGINE_OK, "") == TP_ENGINE_RECORDED);
}

static void an_item_that_kills_its_members_is_dead_at_last(void) {
  tp_engine_plan plan = simple;
  plan.losses_max = 2;
  uint64_t group = add("g", plan);
  EXPECT(submit(group, 0, 1, 0) == TP_OK && close_group(group) == TP_OK);
  for (uint32_t losses = 0; losses < 3; losses++) {
    char id[16];
    snprintf(id, sizeof id, "m%u", losses);
    EXPECT(join(id, 0.02) == TP_OK && claim(id, 1) == 1 && said.items[0].losses == losses);
    EXPECT(reap() == 1);
  }
  EXPECT(look(group)->failed == 1 && said.groups[0].dead == 1 && said.groups[0].ended > 0);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_dead, one.engine, 0, 9) == TP_OK && said.answer.count == 1);
  EXPECT(said.items[0].losses == 3 && said.items[0].error.length > 0);
  EXPECT(ASK(ROWS_OUTCOMES, tp_engine_results, one.engine, group, 0, 9) == TP_OK);
  EXPECT(said.answer.count == 1 && said.outcomes[0].ending == TP_ENGINE_HOPELESS);
}

static void a_lost_member_of_a_cancelled_group_ends_it(void) {
  uint64_t group = add("g", simple);
  EXPECT(submit(group, 0, 2, 0) == TP_OK && join("dying", 0.02) == TP_OK);
  EXPECT(claim("dying", 2) == 2 && cancel(group) == TP_OK && reap() == 2);
  EXPECT(look(group)->cancelled == 2 && said.groups[0].ended > 0);
}

static void a_member_that_leaves_gives_its_items_back(void) {
  uint64_t group = prepare("g", simple, 3, 2);
  EXPECT(ASK(ROWS_NONE, tp_engine_leave, one.engine, "m") == TP_OK);
  EXPECT(look(group)->waiting == 3 && said.groups[0].running == 0);
  EXPECT(join("n", 60) == TP_OK && claim("n", 1) == 1);
  EXPECT(said.items[0].losses == 0 && said.items[0].tries == 0 && said.items[0].number < 2);
}

static void many_items_of_a_lost_member_are_given_back(void) {
  uint64_t group = add("g", simple);
  EXPECT(join("dying", 0.3) == TP_OK);
  for (uint64_t first = 0; first < 1500; first += 500)
    EXPECT(submit(group, first, 500, 0) == TP_OK && claim("dying", 500) == 500);
  EXPECT(reap() == 1500 && look(group)->waiting == 1500 && said.groups[0].running == 0);
  EXPECT(join("m", 60) == TP_OK && claim("m", 500) == 500 && said.items[0].losses == 1);
}

/* ---- events and figures ---- */

static void idle_members_are_woken(void) {
  EXPECT(join("m", 60) == TP_OK && claim("m", 5) == 0);
  unsigned before = one.told[TP_ENGINE_WORK];
  prepare("g", simple, 1, 0);
  await_event(&one, TP_ENGINE_WORK, before + 1);
}

static void idle_members_learn_of_delayed_items(void) {
  uint64_t group = add("g", simple);
  EXPECT(join("m", 60) == TP_OK && claim("m", 5) == 0 && said.answer.next_due < 0);
  EXPECT(submit(group, 0, 1, 20) == TP_OK);
  await_event(&one, TP_ENGINE_WORK, 1);
  EXPECT(claim("m", 5) == 0 && said.answer.next_due > 10);
}

static void idle_members_elsewhere_are_woken(void) {
  tp_engine_member member = {.id = {"far", 3}, .lease = 60};
  EXPECT(ASK(ROWS_NONE, tp_engine_join, two.engine, &member) == TP_OK);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, two.engine, "far", 5) == TP_OK);
  unsigned before = two.told[TP_ENGINE_WORK];
  prepare("g", simple, 1, 0);
  await_event(&two, TP_ENGINE_WORK, before + 1);
}

static void a_producer_is_told_when_few_items_wait(void) {
  tp_engine_plan plan = simple;
  plan.low = 2;
  uint64_t group = prepare("g", plan, 6, 3);
  run_for(40); /* nothing is to come: any event would be one too early */
  EXPECT(two.told[TP_ENGINE_LOW] == 0);
  EXPECT(claim("m", 2) == 2);
  await_event(&two, TP_ENGINE_LOW, 1);
  EXPECT(two.group == group && claim("m", 1) == 1);
}

static void figures_are_sums(void) {
  uint64_t group = prepare("a", simple, 4, 2);
  prepare("b", simple, 3, 0);
  EXPECT(submit(group, 4, 2, 30) == TP_OK);
  EXPECT(done("m", group, 0, TP_ENGINE_HOPELESS, "") == TP_ENGINE_DEAD);
  EXPECT(ASK(ROWS_STATS, tp_engine_stats_of, one.engine) == TP_OK);
  EXPECT(said.stats.groups == 2 && said.stats.waiting == 5 && said.stats.delayed == 2);
  EXPECT(said.stats.running == 1 && said.stats.dead == 1 && said.stats.members == 1);
}

static void questions_are_answered_in_order(void) {
  static reply replies[40];
  static char text[] = "x";
  tp_span item = {text, 1};
  uint64_t group = add("g", simple);
  memset(replies, 0, sizeof replies);
  verb_rows = ROWS_NONE;
  for (size_t i = 0; i < COUNT(replies); i++)
    EXPECT(tp_engine_submit(one.engine, group, i, &item, 1, 0, on_answer, &replies[i]));
  for (size_t i = 0; i < COUNT(replies); i++) {
    run_until(&replies[i].is_there);
    EXPECT(replies[i].answer.code == TP_OK && replies[i].answer.total == i + 1);
    EXPECT(i + 1 == COUNT(replies) || replies[i].is_there);
  }
}

static void what_is_asked_while_it_closes_is_answered(void) {
  place three;
  static reply replies[3];
  memset(replies, 0, sizeof replies);
  open_place(&three, url, "closing");
  verb_rows = ROWS_NONE;
  for (size_t i = 0; i < COUNT(replies); i++)
    EXPECT(tp_engine_reap(three.engine, on_answer, &replies[i]));
  close_place(&three);
  for (size_t i = 0; i < COUNT(replies); i++)
    EXPECT(replies[i].is_there);
}

/* ---- all of them ---- */

static const spec_case cases[] = {
    CASE(a_group_is_what_its_producer_said),
    CASE(a_name_is_taken_once),
    CASE(groups_are_listed_in_parts),
    CASE(a_pool_does_not_see_another_one),
    CASE(an_ended_group_is_forgotten_and_its_name_is_free),
    CASE(chunks_that_are_sent_again_are_ignored),
    CASE(a_closed_group_takes_no_more),
    CASE(what_is_out_of_bounds_is_refused),
    CASE(empty_and_binary_items_stay_what_they_are),
    CASE(a_delayed_item_is_due_later),
    CASE(groups_take_turns_after_their_weights),
    CASE(a_limit_holds_over_all_members),
    CASE(a_stranger_gets_nothing),
    CASE(what_a_lost_claim_took_can_be_asked_for),
    CASE(outcomes_are_counted_and_kept_once),
    CASE(a_group_keeps_what_it_asks_for),
    CASE(one_batch_may_be_of_several_groups),
    CASE(an_item_that_is_named_twice_counts_once),
    CASE(a_failed_item_is_tried_again_with_growing_pauses),
    CASE(pauses_have_an_upper_limit),
    CASE(retries_without_a_pause_wait_at_the_end),
    CASE(what_was_not_started_goes_back_to_the_front),
    CASE(hopeless_items_are_on_the_dead_list),
    CASE(a_dead_item_can_be_retried_or_dropped),
    CASE(a_group_with_dead_items_is_not_forgotten),
    CASE(a_cancel_drops_what_waits),
    CASE(members_are_told_of_cancels_and_ends),
    CASE(a_group_without_items_ends_when_it_is_closed),
    CASE(members_are_listed),
    CASE(a_lost_member_gives_its_items_back),
    CASE(the_result_of_who_lost_an_item_is_dropped),
    CASE(a_beat_in_time_keeps_a_member),
    CASE(an_item_that_kills_its_members_is_dead_at_last),
    CASE(a_lost_member_of_a_cancelled_group_ends_it),
    CASE(a_member_that_leaves_gives_its_items_back),
    CASE(many_items_of_a_lost_member_are_given_back),
    CASE(idle_members_are_woken),
    CASE(idle_members_learn_of_delayed_items),
    CASE(idle_members_elsewhere_are_woken),
    CASE(a_producer_is_told_when_few_items_wait),
    CASE(figures_are_sums),
    CASE(questions_are_answered_in_order),
    CASE(what_is_asked_while_it_closes_is_answered),
};

/* Runs each case with a pool of its own. */
static void run_all(const char *kind, int argc, char **argv) {
  size_t count = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char pool[32];
    if (argc > 1 && !strstr(cases[i].name, argv[1]))
      continue;
    if (argc > 1)
      printf("%s: %s\n", kind, cases[i].name);
    snprintf(pool, sizeof pool, "pool %u", ++pool_number);
    open_place(&one, url, pool);
    open_place(&two, url, pool);
    await_event(&one, TP_ENGINE_UP, 1);
    await_event(&two, TP_ENGINE_UP, 1);
    cases[i].run();
    close_place(&one);
    close_place(&two);
    count++;
  }
  printf("engine: %s cases=%zu ok\n", kind, count);
}

static void run_sqlite(int argc, char **argv) {
#ifdef TP_HAVE_SQLITE
  snprintf(url, sizeof url, "sqlite:%s/jobs.db", directory);
  run_all("sqlite", argc, argv);
#else
  (void)argc, (void)argv;
  puts("engine: sqlite skipped, this build is without it");
#endif
}

static void run_redis(int argc, char **argv) {
#ifdef TP_HAVE_HIREDIS
  if (!has_redis()) {
    puts("engine: redis skipped, there is no redis-server");
    return;
  }
  pid_t server = start_redis(NULL);
  snprintf(url, sizeof url, "redis+unix:%s/redis.sock", directory);
  run_all("redis", argc, argv);
  stop_redis(server);
#else
  (void)argc, (void)argv;
  puts("engine: redis skipped, this build is without hiredis");
#endif
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  make_directory();
  uv_loop_init(&loop);
  run_sqlite(argc, argv);
  run_redis(argc, argv);
  EXPECT(uv_loop_close(&loop) == 0);
  remove_directory();
  return 0;
}
