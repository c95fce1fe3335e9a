/*
 * Lets Linux 6.1 run in user mode on processors whose extended state has more than 2,696 bytes (those with AMX, of 2023
 * and later). That kernel saves and restores no more than these bytes of its processes' registers, and a host refuses
 * to restore a part: "A whole standard-format XSAVE buffer is needed" (xstateregs_set in arch/x86/kernel/fpu/regset.c),
 * so that process 1 never starts. Linux 6.13 asks for the size instead.
 *
 * Loaded with LD_PRELOAD. What the kernel restores is filled up with zeros to the size that the host has: the state
 * beyond is that of AMX, which no process of a user-mode kernel can get, because it would have to ask for it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define NT_X86_XSTATE 0x202
#define LARGEST 65536 /* bytes; with AMX it is 11,008 */

typedef long (*ptrace_function)(enum __ptrace_request request, ...);

/* The size of the state of a stopped process; 0 if the host does not tell. */
static size_t state_size(ptrace_function host, pid_t pid)
{
	static size_t size;
	static char state[LARGEST];
	struct iovec whole = {state, sizeof state};

	if (size == 0 && host(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &whole) == 0)
		size = whole.iov_len;
	return size;
}

long ptrace(enum __ptrace_request request, ...)
{
	static __thread char state[LARGEST];
	static ptrace_function host;
	va_list arguments;
	pid_t pid;
	void *address, *data;

	va_start(arguments, request);
	pid = va_arg(arguments, pid_t);
	address = va_arg(arguments, void *);
	data = va_arg(arguments, void *);
	va_end(arguments);
	if (!host)
		host = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE) {
		const struct iovec *part = data;
		size_t size = state_size(host, pid);

		if (part->iov_len < size) {
			struct iovec whole = {state, size};

			memcpy(state, part->iov_base, part->iov_len); /* the rest has only ever been zero */
			return host(request, pid, address, &whole);
		}
	}
	return host(request, pid, address, data);
}
