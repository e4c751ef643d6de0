/*
 * tap.h
 *	  Test Anything Protocol for unit tests in C that link without a server.
 *
 *	  ok(condition, "name with %d", 1);
 *	  is_str(got, expected, "name");   is_int(got, expected, "name");
 *	  return done_testing();
 */
#ifndef CDP_TEST_TAP_H
#define CDP_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count = 0;
static int tap_failed = 0;

__attribute__((unused, format(printf, 2, 3))) static bool
ok(bool condition, const char *format, ...)
{
	va_list args;

	tap_count++;
	if (!condition)
		tap_failed++;
	printf("%sok %d - ", condition ? "" : "not ", tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	return condition;
}

__attribute__((unused)) static bool
is_str(const char *got, const char *expected, const char *name)
{
	bool same = (got == NULL || expected == NULL) ? got == expected : strcmp(got, expected) == 0;

	ok(same, "%s", name);
	if (!same)
		printf("# got:      %s\n# expected: %s\n", got ? got : "(null)",
		       expected ? expected : "(null)");
	return same;
}

__attribute__((unused)) static bool
is_int(long long got, long long expected, const char *name)
{
	ok(got == expected, "%s", name);
	if (got != expected)
		printf("# got:      %lld\n# expected: %lld\n", got, expected);
	return got == expected;
}

__attribute__((unused)) static int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif /* CDP_TEST_TAP_H */
