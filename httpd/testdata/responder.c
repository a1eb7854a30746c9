/* A libfcgi responder for the tests: one request at a time, as most FastCGI
 * programs are. It answers the paths that behaviour_test.go asks for. */
#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable(FCGX_Request *r, const char *name)
{
	const char *v = FCGX_GetParam(name, r->envp);
	return v ? v : "";
}

static long number(const char *query, const char *name)
{
	size_t n = strlen(name);
	const char *p = query;
	while (p && *p) {
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return atol(p + n + 1);
		p = strchr(p, '&');
		if (p)
			p++;
	}
	return 0;
}

static void echo(FCGX_Request *r)
{
	char buf[8192];
	int n;
	FCGX_FPrintF(r->out, "Content-Type: application/octet-stream\r\n\r\n");
	while ((n = FCGX_GetStr(buf, sizeof buf, r->in)) > 0)
		FCGX_PutStr(buf, n, r->out);
}

int main(void)
{
	FCGX_Request r;
	unsigned long served = 0;
	FCGX_Init();
	FCGX_InitRequest(&r, 0, 0);
	while (FCGX_Accept_r(&r) == 0) {
		const char *path = variable(&r, "PATH_INFO");
		const char *query = variable(&r, "QUERY_STRING");
		int last = 0;
		served++;
		if (strcmp(path, "/pid") == 0) {
			FCGX_FPrintF(r.out, "Content-Type: text/plain\r\n\r\npid=%d served=%lu\n", (int)getpid(), served);
		} else if (strcmp(path, "/echo") == 0) {
			echo(&r);
		} else if (strcmp(path, "/sleep") == 0) {
			usleep(number(query, "ms") * 1000);
			FCGX_FPrintF(r.out, "Content-Type: text/plain\r\n\r\nslept\n");
		} else if (strcmp(path, "/stuck") == 0) {
			for (;;)
				pause();
		} else if (strcmp(path, "/panic") == 0) {
			FCGX_FPrintF(r.out, "Status: 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ninternal server error\n");
			last = 1;
		} else {
			FCGX_FPrintF(r.out, "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnot found\n");
		}
		FCGX_Finish_r(&r);
		if (last)
			exit(1);
	}
	return 0;
}
