/*-------------------------------------------------------------------------
 *
 * courier.c
 *	  Starting a courier, talking to it, and noticing that it died.
 *
 * The courier handles bytes of strangers and is not trusted: a frame that
 * does not parse, or one it has no business sending, ends it.  It is started
 * again after a delay that grows while it keeps dying soon.
 *
 * src/worker/courier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "p2ptext.h"
#include "worker/courier.h"
#include "worker/worker.h"

#define SOON_MS 10000
#define FIRST_DELAY_MS 500
#define LONGEST_DELAY_MS 60000

/* A courier that leaves so much unread reads nothing any more. */
#define MOST_UNREAD (32 * 1024 * 1024)

/* Never leave one behind, however this process ends short of SIGKILL. */
static void
kill_at_exit(int code, Datum arg)
{
	Courier *courier = (Courier *) DatumGetPointer(arg);

	if (courier->pid > 0)
		kill(courier->pid, SIGKILL);
}

/* The child: only async-signal-safe calls until exec. */
static void
become_courier(const char *path, char *const argv[], int fd)
{
	char *const env[] = {NULL};
	sigset_t none;
	int null;
	long last = sysconf(_SC_OPEN_MAX);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == WIRE_FD)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, WIRE_FD) < 0)
		_exit(127);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
		dup2(null, STDOUT_FILENO) < 0)
		_exit(127);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, WIRE_FD + 1, ~0U, 0) != 0)
#endif
		for (int i = WIRE_FD + 1; i < last; i++)
			close(i);
	execve(path, argv, env);
	_exit(127);
}

static bool
spawn(Courier *courier, const char *path, const char *const args[])
{
	char *argv[16] = {"p2ptext-courier"};
	int pair[2];
	int n = 1;

	for (; args[n - 1] != NULL && n < (int) lengthof(argv) - 1; n++)
		argv[n] = unconstify(char *, args[n - 1]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	courier->pid = fork();
	if (courier->pid == 0)
		become_courier(path, argv, pair[1]);
	close(pair[1]);
	if (courier->pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)
	{
		close(pair[0]);
		return false;
	}
	courier->fd = pair[0];
	return true;
}

/* Start it if its time has come; false when there is none running. */
bool
courier_start(Courier *courier, const char *const args[])
{
	char path[MAXPGPATH];

	if (courier->pid > 0)
		return true;
	if (courier_delay(courier) > 0)
		return false;
	if (!courier->watched)
		before_shmem_exit(kill_at_exit, PointerGetDatum(courier));
	courier->watched = true;

	courier->started = GetCurrentTimestamp();
	courier->ready = courier->ended = false;
	courier->put = courier->flushed = 0;
	wire_free(&courier->in);
	wire_free(&courier->out);
	snprintf(path, sizeof(path), "%s/p2ptext-courier", pkglib_path);
	if (access(path, X_OK) != 0)
	{
		courier_fail(courier, psprintf("could not execute \"%s\": %m; install "
									   "p2ptext again",
									   path));
		return false;
	}
	if (!spawn(courier, path, args))
	{
		courier->pid = 0;
		courier_fail(courier, psprintf("could not start courier: %m"));
		return false;
	}
	if (!courier->in_session)
		worker_set_courier(courier->pid);
	return true;
}

static const char *
how_it_ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return "courier is gone";
	if (WIFSIGNALED(status))
		return psprintf("courier was ended by signal %d: %s", WTERMSIG(status),
						pg_strsignal(WTERMSIG(status)));
	return psprintf("courier exited with code %d", WEXITSTATUS(status));
}

/* End it if need be; returns how it ended, NULL if there was none. */
const char *
courier_end(Courier *courier)
{
	const char *how = NULL;

	if (courier->pid > 0)
	{
		/* Of no effect on one that has ended or is about to. */
		kill(courier->pid, SIGKILL);
		how = how_it_ended(courier->pid);
		close(courier->fd);
		courier->pid = 0;
		if (!courier->in_session)
			worker_set_courier(0);
	}
	wire_free(&courier->in);
	wire_free(&courier->out);
	courier->ready = false;
	return how;
}

/* What a worker does without a courier: it tries again, later and later. */
static void
back_off(Courier *courier, const char *why)
{
	bool soon = !TimestampDifferenceExceeds(courier->started,
											GetCurrentTimestamp(), SOON_MS);

	courier->delay_ms =
		soon ? Min(Max(courier->delay_ms * 2, FIRST_DELAY_MS), LONGEST_DELAY_MS)
			 : FIRST_DELAY_MS;
	courier->retry =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), courier->delay_ms);
	if (worker_stopping())
		return;
	worker_note_error(why);
	worker_set_state(WORKER_BACKOFF);
	ereport(
		LOG,
		(errmsg("p2ptext %s: %s",
				my_worker->kind == WORKER_SENDER ? "sender" : "receiver", why),
		 errdetail("It is started again in %d ms.", courier->delay_ms)));
}

/*
 * There is no courier any more, or there must not be.  "why" may be NULL when
 * its own end says enough.  What it said last, if anything, is kept as the
 * worker's error; in a session, the statement fails.
 */
void
courier_fail(Courier *courier, const char *why)
{
	const char *how = courier_end(courier);

	if (why == NULL)
		why = how;
	if (courier->in_session)
		ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("%s", why)));
	back_off(courier, why);
}

/* How long until it may be started again, in ms. */
long
courier_delay(const Courier *courier)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
										   courier->retry);
}

/* Close the frame being written, and account for it. */
bool
courier_frame_end(Courier *courier)
{
	if (!wire_end(&courier->out))
		return false;
	courier->put = courier->flushed + wire_pending(&courier->out);
	return true;
}

/* Send what is written as far as the socket takes it. */
void
courier_flush(Courier *courier)
{
	ssize_t n = wire_flush(&courier->out, courier->fd);

	if (n > 0)
		courier->flushed += n;
}

/* Move bytes both ways. */
void
courier_exchange(Courier *courier)
{
	courier_flush(courier);
	if (wire_fill(&courier->in, courier->fd) < 0)
		courier->ended = true;
	if (wire_pending(&courier->out) > MOST_UNREAD)
		courier_fail(courier, "courier does not read what it is told");
}

static void
take_log(Courier *courier, WireFrame *frame)
{
	WireLogLevel level = wire_get_u32(frame);
	char *message = wire_text(wire_get_str(frame));

	if (level == WIRE_LOG_FATAL)
		courier_fail(courier, message);
	else
		ereport(LOG, (errmsg("p2ptext courier: %s", message)));
}

/*
 * The next frame that means something to the worker.  False when there is
 * none, or no courier any more.  That it is gone counts only when all whole
 * frames are read: it may have said why.
 */
bool
courier_next(Courier *courier, WireFrame *frame)
{
	while (courier->pid > 0)
	{
		int n = wire_next(&courier->in, frame);

		if (n == 0 && !courier->ended)
			return false;
		if (n == 0)
			courier_fail(courier, NULL);
		else if (n < 0)
			courier_fail(courier, "courier sent a broken frame");
		else if (frame->type == WIRE_LOG)
			take_log(courier, frame);
		else if (frame->type == WIRE_HELLO)
		{
			if (wire_get_u32(frame) != WIRE_VERSION || !wire_done(frame))
				courier_fail(courier, "courier is of another version; install "
									  "p2ptext again and restart the server");
			else
				courier->ready = true;
		}
		else
			return true;
	}
	return false;
}

/* What is no valid UTF-8, or holds a NUL, is told without its odd bytes. */
char *
wire_text(WireStr str)
{
	char *text;
	int ok;

	if (pg_verify_mbstr(PG_UTF8, str.data, str.len, true))
		return pnstrdup(str.data, str.len);
	text = palloc(str.len + 1);
	ok = 0;
	for (size_t i = 0; i < str.len; i++)
		if (str.data[i] > 0 && !IS_HIGHBIT_SET(str.data[i]))
			text[ok++] = str.data[i];
	text[ok] = '\0';
	return text;
}
