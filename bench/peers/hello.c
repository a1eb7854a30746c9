/*
 * A FastCGI responder in C that answers hello, for comparisons.
 *
 *   hello              serves the listen socket that it finds on descriptor 0
 *   hello SOCKET N     listens on the UNIX socket, serves it with N processes
 *                      and stops them on TERM
 */
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int serve(int listener)
{
	FCGX_Request request;

	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, listener, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&request) == 0) {
		static const char answer[] =
			"Content-Type: text/plain; charset=utf-8\r\n"
			"Content-Length: 6\r\n\r\nhello\n";
		FCGX_PutStr(answer, sizeof answer - 1, request.out);
		FCGX_Finish_r(&request);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int listener, processes, i;
	sigset_t wanted;
	pid_t parent = getpid();

	if (argc == 1)
		return serve(0);
	processes = argc == 3 ? atoi(argv[2]) : 0;
	if (processes < 1) {
		fprintf(stderr, "usage: %s [SOCKET PROCESSES]\n", argv[0]);
		return 64;
	}
	if (FCGX_Init() != 0)
		return 1;
	listener = FCGX_OpenSocket(argv[1], 1024);
	if (listener < 0) {
		perror(argv[1]);
		return 71;
	}
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			return 71; /* the children die with their parent */
		}
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				return 1;
			sigprocmask(SIG_UNBLOCK, &wanted, NULL);
			return serve(listener);
		}
	}
	sigwait(&wanted, &i);
	unlink(argv[1]);
	return 0;
}
