/* SPDX-License-Identifier: MIT
 *
 * What a run writes to files; see recording.h. */
#include "program/recording.h"
#include "base/fail.h"
#include "exec/sampler.h"
#include "host/events.h"
#include "host/host.h"
#include "host/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool fail_to_write(const char *path, tp_error *error) {
  return tp_fail(error, TP_IO_ERROR, "cannot write to '%s': %s", path, strerror(errno));
}

/* Writes folded stacks, a line each. */
static void write_stacks(FILE *file, tp_profile *profile) {
  tp_profile_sort(profile);
  for (const tp_finding *found = profile->stacks; found; found = found->hh.next)
    fprintf(file, "%s %" PRIu64 "\n", found->text, found->count);
}

static bool begin_profile(tp_recording *of, tp_host *host, tp_error *error) {
  of->profile_file = fopen(of->profile_path, "we");
  if (!of->profile_file)
    return fail_to_write(of->profile_path, error);
  return tp_sampler_start(host->exec, &of->profile, NULL, TP_SAMPLER_INTERVAL_DEFAULT, error);
}

bool tp_recording_begin(tp_recording *of, tp_host *host, tp_error *error) {
  if (of->profile_path && !begin_profile(of, host, error))
    return false;
  of->trace = of->trace_path ? tp_trace_open(of->trace_path, error) : NULL;
  if (of->trace)
    tp_events_trace(host, of->trace);
  return of->trace || !of->trace_path;
}

bool tp_recording_end(tp_recording *of, tp_host *host, tp_error *error) {
  if (!of->profile_file)
    return true;
  tp_sampler_stop(host->exec, &of->profile);
  write_stacks(of->profile_file, &of->profile);
  tp_profile_clear(&of->profile);
  bool is_written = !ferror(of->profile_file);
  is_written = fclose(of->profile_file) == 0 && is_written;
  of->profile_file = NULL;
  return is_written || fail_to_write(of->profile_path, error);
}

bool tp_recording_close(tp_recording *of, tp_error *error) {
  return tp_trace_close(of->trace, error);
}
