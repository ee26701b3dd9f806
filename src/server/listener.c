/* SPDX-License-Identifier: MIT
 *
 * Listening sockets; see listener.h.
 *
 * They are made with plain system calls, all of which answer at once: libuv would cut a long path
 * without a word, create the file with the mode of the umask, and unlink it at the end whosever it
 * is. */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "server/listener.h"
#include "value/fail.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that the system keeps for us until they are accepted. */
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
  memcpy(name.sun_path, address->as.path, strlen(address->as.path) + 1);
  return name;
}

/* ---- what is in the way of a Unix socket ---- */

/* What connecting to the socket comes to: 0 if somebody answers (or is about to), else the errno.
 */
static int knock(const tp_address *address) {
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

/* Makes the path free: nothing is there, or a dead socket of ours that is removed. */
static bool clear_path(const tp_address *address, tp_error *error) {
  const char *path = address->as.path;
  struct stat found, again;
  if (lstat(path, &found) != 0)
    return errno == ENOENT ? true : fail(error, address, "look at");
  if (!S_ISSOCK(found.st_mode))
    return tp_fail(error, TP_IO_ERROR, "%s is %s; it was left as it is", path,
                   file_kind(found.st_mode));
  if (found.st_uid != geteuid())
    return tp_fail(error, TP_DENIED, "%s is a socket of another user; it was left as it is", path);
  int reason = knock(address);
  if (reason == 0)
    return tp_fail(error, TP_IO_ERROR, "unix:%s is in use: a server answers there", path);
  if (reason != ECONNREFUSED)
    return tp_fail(error, TP_IO_ERROR, "%s is a socket of another kind (%s); it was left as it is",
                   path, strerror(reason));
  /* Somebody else may have taken it over since. */
  bool same =
      lstat(path, &again) == 0 && again.st_ino == found.st_ino && again.st_dev == found.st_dev;
  return same && unlink(path) == 0 ? true : fail(error, address, "take over");
}

/* ---- opening ---- */

/* fchmod before bind gives the file its mode at birth; chmod after it is for systems that ignore
 * that. */
static bool bind_unix(tp_listener *listener, tp_error *error) {
  const tp_address *address = &listener->address;
  struct sockaddr_un name = unix_name(address);
  struct stat made;
  if (!clear_path(address, error))
    return false;
  if (fchmod(listener->fd, 0600) != 0 ||
      bind(listener->fd, (struct sockaddr *)&name, sizeof name) != 0)
    return fail(error, address, "bind");
  if (lstat(address->as.path, &made) != 0)
    return fail(error, address, "look at");
  listener->device = made.st_dev;
  listener->inode = made.st_ino;
  if (chmod(address->as.path, 0600) != 0) {
    fail(error, address, "make private");
    tp_listener_remove_file(listener);
    return false;
  }
  return true;
}

static bool bind_tcp(tp_listener *listener, tp_error *error) {
  tp_address *address = &listener->address;
  socklen_t size = tp_address_size(address);
  const int on = 1;
  if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener->fd, &address->as.socket, size) != 0 ||
      getsockname(listener->fd, &address->as.socket, &size) != 0)
    return fail(error, address, "bind");
  return true;
}

static const struct {
  int family;
  bool (*bind)(tp_listener *listener, tp_error *error);
} kinds[] = {
    [TP_ADDRESS_UNIX] = {.family = AF_UNIX, .bind = bind_unix},
    [TP_ADDRESS_IPV4] = {.family = AF_INET, .bind = bind_tcp},
    [TP_ADDRESS_IPV6] = {.family = AF_INET6, .bind = bind_tcp},
};

bool tp_listener_open(tp_listener *listener, const char *text, tp_error *error) {
  listener->fd = -1;
  if (!tp_address_read(text, &listener->address, error))
    return false;
  const tp_address *address = &listener->address;
  listener->fd = stream_socket(kinds[address->kind].family);
  if (listener->fd < 0)
    return fail(error, address, "make a socket for");
  if (!kinds[address->kind].bind(listener, error))
    goto close_socket;
  if (listen(listener->fd, BACKLOG) != 0) {
    fail(error, address, "listen at");
    goto remove_file;
  }
  return true;

remove_file:
  tp_listener_remove_file(listener);
close_socket:
  close(listener->fd);
  listener->fd = -1;
  return false;
}

void tp_listener_remove_file(const tp_listener *listener) {
  struct stat found;
  if (listener->address.kind != TP_ADDRESS_UNIX || lstat(listener->address.as.path, &found) != 0)
    return;
  if (found.st_dev == listener->device && found.st_ino == listener->inode)
    unlink(listener->address.as.path);
}
