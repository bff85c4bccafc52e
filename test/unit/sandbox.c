/*-------------------------------------------------------------------------
 *
 * sandbox.c
 *	  Tests that the courier's sandbox holds.
 *
 * Each attempt is made by a child of its own, in the sandbox, and must end
 * in death by SIGSYS or in success, as the case may be.
 *
 * test/unit/sandbox.c
 *
 *-------------------------------------------------------------------------
 */
#include "sandbox.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static bool
try_execve(void)
{
	char *const argv[] = {"/bin/true", NULL};

	return execve(argv[0], argv, argv + 1) == 0;
}

static bool
try_fork(void)
{
	return fork() >= 0;
}

static bool
try_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool
try_kill(void)
{
	return kill(getppid(), 0) == 0;
}

static bool
try_write_file(void)
{
	return open("/dev/null", O_WRONLY) >= 0;
}

static bool
try_create_file(void)
{
	return open("/tmp/p2ptext-sandbox-test", O_RDONLY | O_CREAT, 0600) >= 0;
}

static bool
try_read_file(void)
{
	return open("/dev/null", O_RDONLY) >= 0;
}

static bool
try_unlink(void)
{
	return unlink("/tmp/p2ptext-sandbox-test") == 0;
}

static bool
try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool
try_connect(void)
{
	struct sockaddr address = {.sa_family = AF_UNSPEC};

	connect(0, &address, sizeof(address));
	return true;
}

static bool
try_listen(void)
{
	listen(0, 1);
	return true;
}

static bool
try_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool
try_writable_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool
try_limits(void)
{
	struct rlimit limits = {1, 1};

	return setrlimit(RLIMIT_CORE, &limits) == 0;
}

static void *
thread_main(void *arg)
{
	return arg;
}

static bool
try_thread(void)
{
	pthread_t thread;
	void *result = NULL;
	int it;

	return pthread_create(&thread, NULL, thread_main, &it) == 0 &&
		   pthread_join(thread, &result) == 0 && result == &it;
}

static bool
try_resolve(void)
{
	struct addrinfo *found = NULL;

	return getaddrinfo("localhost", "80", NULL, &found) == 0;
}

static bool
try_memory(void)
{
	char *volatile memory = malloc(10 * 1024 * 1024);
	bool got = memory != NULL;

	free(memory);
	return got;
}

typedef enum Fate
{
	KILLED,
	WORKS
} Fate;

/* Make the attempt in a child that has a worker, as the courier does. */
static int
attempt(SandboxKind kind, bool (*try)(void))
{
	int sockets[2];
	int status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
	{
		dup2(sockets[1], 3);
		sandbox_start(kind);
		sandbox_enter(kind);
		_exit(try() ? 0 : 1);
	}
	close(sockets[0]);
	close(sockets[1]);
	waitpid(pid, &status, 0);
	return status;
}

static void
check(SandboxKind kind, bool (*try)(void), Fate fate, const char *name)
{
	int status = attempt(kind, try);

	if (!ok(fate == KILLED ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
						   : WIFEXITED(status) && WEXITSTATUS(status) == 0,
			"%s: %s %s", kind == SANDBOX_SEND ? "send" : "listen", name,
			fate == KILLED ? "kills" : "works"))
		fprintf(stderr, "# wait status %d\n", status);
}

/* Without a worker that is our parent, there is no courier. */
static void
check_orphan(void)
{
	int sockets[2];
	int status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
	{
		pid_t grandchild = fork();

		if (grandchild == 0)
		{
			dup2(sockets[1], 3);
			sandbox_start(SANDBOX_SEND); /* its parent did not make them */
			_exit(0);
		}
		waitpid(grandchild, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	   "a courier whose worker is not its parent ends");
}

int
main(void)
{
	static const struct
	{
		const char *name;
		bool (*try)(void);
		Fate send;
		Fate listen;
	} attempts[] = {
		{"starting a program", try_execve, KILLED, KILLED},
		{"forking", try_fork, KILLED, KILLED},
		{"forking by vfork", try_vfork, KILLED, KILLED},
		{"tracing", try_ptrace, KILLED, KILLED},
		{"sending a signal", try_kill, KILLED, KILLED},
		{"opening a file to write", try_write_file, KILLED, KILLED},
		{"making a file", try_create_file, KILLED, KILLED},
		{"removing a file", try_unlink, KILLED, KILLED},
		{"listening", try_listen, KILLED, KILLED},
		{"making code", try_code, KILLED, KILLED},
		{"making code to be written", try_writable_code, KILLED, KILLED},
		{"raising a limit", try_limits, KILLED, KILLED},
		{"reading a file", try_read_file, WORKS, KILLED},
		{"making a socket", try_socket, WORKS, KILLED},
		{"connecting", try_connect, WORKS, KILLED},
		{"making a thread", try_thread, WORKS, KILLED},
		{"resolving a name", try_resolve, WORKS, KILLED},
		{"using memory", try_memory, WORKS, WORKS},
	};

	check_orphan();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
	{
		if (SANITIZED)
		{
			ok(true, "# SKIP sanitizers need what the sandbox forbids");
			continue;
		}
		check(SANDBOX_SEND, attempts[i].try, attempts[i].send,
			  attempts[i].name);
		check(SANDBOX_LISTEN, attempts[i].try, attempts[i].listen,
			  attempts[i].name);
	}
	return done_testing();
}
