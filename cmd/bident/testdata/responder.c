/* A responder on libfcgi: /hello is answered hello, everything else with the body. */
#include <fcgiapp.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	FCGX_Stream *in, *out, *err;
	FCGX_ParamArray env;
	while (FCGX_Accept(&in, &out, &err, &env) >= 0) {
		const char *path = FCGX_GetParam("PATH_INFO", env);
		char buf[4096];
		int n;
		FCGX_PutS("Content-Type: text/plain\r\n\r\n", out);
		if (path && strcmp(path, "/hello") == 0)
			FCGX_PutS("hello\n", out);
		else
			while ((n = FCGX_GetStr(buf, sizeof buf, in)) > 0)
				FCGX_PutStr(buf, n, out);
	}
	return 0;
}
