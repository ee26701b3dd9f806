/* SPDX-License-Identifier: MIT
 *
 * Listening sockets; see listener.h.
 *
 * They are made with system calls, none of which blocks. libuv would cut a long path silently,
 * create the file with the mode of the umask, and unlink it at the end, whoever it belongs to. */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "server/listener.h"
#include "base/fail.h"
#include "server/inet.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that the system keeps until they are accepted. */
enum { BACKLOG = 128 };

/* Fails with IOError: what could not be done at which address, and why. */
static bool fail(tp_error *error, const tp_address *address, const char *doing) {
  int reason = errno;
  char text[TP_ADDRESS_TEXT_SIZE];
  tp_address_write(address, text);
  if (reason == EADDRINUSE)
    return tp_fail(error, TP_IO_ERROR, "%s is in use", text);
  return tp_fail(error, TP_IO_ERROR, "cannot %s %s: %s", doing, text, strerror(reason));
}

static int stream_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static struct sockaddr_un unix_name(const tp_address *address) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  memcpy(name.sun_path, address->path, strlen(address->path) + 1);
  return name;
}

/* ---- what is in the way of a Unix socket ---- */

/* Connects to the socket: 0 if somebody answers there (or is about to), else the errno. */
static int probe(const tp_address *address) {
  struct sockaddr_un name = unix_name(address);
  int fd = stream_socket(AF_UNIX);
  if (fd < 0)
    return errno;
  int result = connect(fd, (struct sockaddr *)&name, sizeof name) == 0 ? 0 : errno;
  close(fd);
  return result == EAGAIN ? 0 : result; /* EAGAIN: alive, with a full backlog */
}

static const char *file_kind(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "a file";
  case S_IFDIR:
    return "a directory";
  case S_IFLNK:
    return "a symbolic link";
  default:
    return "not a socket";
  }
}

/* Makes the path free: removes a socket of this user at which nobody answers. */
static bool clear_path(const tp_address *address, tp_error *error) {
  const char *path = address->path;
  struct stat found, again;
  if (lstat(path, &found) != 0)
    return errno == ENOENT ? true : fail(error, address, "look at");
  if (!S_ISSOCK(found.st_mode))
    return tp_fail(error, TP_IO_ERROR, "%s is %s; it was left as it is", path,
                   file_kind(found.st_mode));
  if (found.st_uid != geteuid())
    return tp_fail(error, TP_DENIED, "%s is a socket of another user; it was left as it is", path);
  int reason = probe(address);
  if (reason == 0)
    return tp_fail(error, TP_IO_ERROR, "unix:%s is in use: a server answers there", path);
  if (reason != ECONNREFUSED)
    return tp_fail(error, TP_IO_ERROR, "%s is a socket of another kind (%s); it was left as it is",
                   path, strerror(reason));
  /* Another process may have taken it over since. */
  bool same =
      lstat(path, &again) == 0 && again.st_ino == found.st_ino && again.st_dev == found.st_dev;
  return same && unlink(path) == 0 ? true : fail(error, address, "take over");
}

/* ---- opening ---- */

/* fchmod before bind gives the file its mode at birth; chmod after it is for systems that ignore
 * that. */
static bool open_unix(tp_listener *listener, tp_listener_reach reach, tp_error *error) {
  mode_t mode = reach.users ? 0666 : 0600;
  const tp_address *address = &listener->address;
  struct sockaddr_un name = unix_name(address);
  struct stat made;
  listener->fd = stream_socket(AF_UNIX);
  if (listener->fd < 0)
    return fail(error, address, "make a socket for");
  if (!clear_path(address, error))
    return false;
  if (fchmod(listener->fd, mode) != 0 ||
      bind(listener->fd, (struct sockaddr *)&name, sizeof name) != 0)
    return fail(error, address, "bind");
  if (lstat(address->path, &made) != 0)
    return fail(error, address, "look at");
  listener->device = made.st_dev;
  listener->inode = made.st_ino;
  return chmod(address->path, mode) == 0 || fail(error, address, "set the mode of");
}

static bool open_tcp(tp_listener *listener, tp_listener_reach reach, tp_error *error) {
  tp_address *address = &listener->address;
  tp_inet place;
  const int on = 1;
  if (!tp_inet_find(address, &place, error))
    return false;
  if (!tp_inet_is_loopback(&place) && !reach.machines)
    return tp_fail(error, TP_DENIED,
                   "%s is not a loopback address, and without a token a control server listens to "
                   "this machine only: use 127.0.0.1, [::1] or localhost, or give a token",
                   address->host);
  socklen_t size = tp_inet_size(&place);
  listener->fd = stream_socket(place.any.sa_family);
  if (listener->fd < 0)
    return fail(error, address, "make a socket for");
  if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener->fd, &place.any, size) != 0 ||
      getsockname(listener->fd, &place.any, &size) != 0)
    return fail(error, address, "bind");
  listener->is_open = !tp_inet_is_loopback(&place);
  tp_inet_name(&place, address);
  return true;
}

/* How a socket of each kind is made and bound. */
static bool (*const kinds[])(tp_listener *listener, tp_listener_reach reach, tp_error *error) = {
    [TP_ADDRESS_UNIX] = open_unix,
    [TP_ADDRESS_TCP] = open_tcp,
};

bool tp_listener_open(tp_listener *listener, const char *text, tp_listener_reach reach,
                      tp_error *error) {
  *listener = (tp_listener){.fd = -1};
  if (!tp_address_read(text, &listener->address, error))
    return false;
  if (kinds[listener->address.kind](listener, reach, error)) {
    if (listen(listener->fd, BACKLOG) == 0)
      return true;
    fail(error, &listener->address, "listen at");
  }
  tp_listener_remove_file(listener);
  if (listener->fd >= 0)
    close(listener->fd);
  listener->fd = -1;
  return false;
}

void tp_listener_remove_file(const tp_listener *listener) {
  struct stat found;
  if (listener->address.kind != TP_ADDRESS_UNIX || lstat(listener->address.path, &found) != 0)
    return;
  if (found.st_dev == listener->device && found.st_ino == listener->inode)
    unlink(listener->address.path);
}
