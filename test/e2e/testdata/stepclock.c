// Preloaded into a program, makes its clock of the day one that can be stepped, while the host's stays as it is: the kernel
// asks a process beside the program what to answer to clock_gettime(CLOCK_REALTIME). The file that STEPCLOCK names holds
// the seconds that are added, as eight bytes. The program does not know of it; those that it starts have the host's clock.
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void serve(int asked, volatile int64_t *step) {
  for (;;) {
    struct pollfd p = {asked, POLLIN, 0};
    if (poll(&p, 1, -1) < 0 || !(p.revents & POLLIN)) _exit(0);  // the program has ended
    struct seccomp_notif q;
    memset(&q, 0, sizeof q);
    if (ioctl(asked, SECCOMP_IOCTL_NOTIF_RECV, &q)) continue;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += *step;
    struct iovec here = {&now, sizeof now}, there = {(void *)q.data.args[1], sizeof now};
    process_vm_writev(q.pid, &here, 1, &there, 1, 0);
    struct seccomp_notif_resp a = {q.id, 0, 0, 0};
    ioctl(asked, SECCOMP_IOCTL_NOTIF_SEND, &a);
  }
}

static void hand(int line, int fd) {
  char byte = 0, room[CMSG_SPACE(sizeof fd)];
  struct iovec io = {&byte, 1};
  struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  sendmsg(line, &m, 0);
}

static int taken(int line) {
  char byte, room[CMSG_SPACE(sizeof(int))];
  struct iovec io = {&byte, 1};
  struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  int fd = -1;
  if (recvmsg(line, &m, 0) == 1 && CMSG_FIRSTHDR(&m)) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
  return fd;
}

__attribute__((constructor)) static void begin(int argc, char **argv, char **env) {
  char *name = getenv("STEPCLOCK");
  int file = name ? open(name, O_RDONLY) : -1, line[2];
  if (file < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line)) _exit(90);
  volatile int64_t *step = mmap(0, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  for (char **e = env; ; e++) {
    if (*e && !strncmp(*e, "LD_PRELOAD=", 11)) **e = 'X';  // for this program alone
    if (*e) continue;
    for (Elf64_auxv_t *a = (Elf64_auxv_t *)(e + 1); a->a_type != AT_NULL; a++)
      if (a->a_type == AT_SYSINFO_EHDR) a->a_type = AT_IGNORE;  // or the clock is read without the kernel
    break;
  }
  if (!fork()) {
    for (int i = 0; i < 3; i++) close(i);
    close(line[0]);
    int asked = taken(line[1]);
    if (asked >= 0) serve(asked, step);
    _exit(0);
  }
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clock_gettime, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(91);
  int asked = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  if (asked < 0) _exit(92);
  hand(line[0], asked);
  close(asked), close(line[0]), close(line[1]);
}
