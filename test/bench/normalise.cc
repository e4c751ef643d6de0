/*
 * normalise.cc
 *	  Nanoseconds per call of the normalise stage, and of libphonenumber's C++
 *	  parse on the same numbers in the same run. See test/bench/normalise.
 */
extern "C"
{
#include "normalise/normalise.h"
#include "normalise/phone.h"
}

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#ifdef HAVE_LIBPHONENUMBER
#include <phonenumbers/phonenumberutil.h>
#endif

typedef std::chrono::steady_clock Clock;

static double
elapsed(Clock::time_point start)
{
	return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

/* Median of five rounds, in nanoseconds per input. */
template <typename Call>
static void
measure(const char *name, const std::vector<std::string> &inputs, int repeats, Call call)
{
	std::vector<double> rounds;
	size_t accepted = 0;
	Clock::time_point start = Clock::now();

	call(inputs[0]);
	double first = elapsed(start);
	for (int round = 0; round < 5; round++)
	{
		accepted = 0;
		start = Clock::now();
		for (int i = 0; i < repeats; i++)
			for (const std::string &s : inputs)
				accepted += call(s) ? 1 : 0;
		rounds.push_back(elapsed(start) / repeats / inputs.size());
	}
	std::sort(rounds.begin(), rounds.end());
	printf("%-46s %9.0f ns   first call %10.0f ns   accepted %3.0f %%\n",
		   name,
		   rounds[2],
		   first,
		   100.0 * accepted / repeats / inputs.size());
}

static bool
identifier(const std::string &s)
{
	static const NormaliseOptions options = {"VN", true};
	NormalisedIdentifier out;

	return normalise_identifier(s.data(), s.size(), &options, &out) == NORMALISE_OK;
}

static bool
phone(const std::string &s)
{
	PhoneNumber number;
	char e164[PHONE_MAX_E164];

	return phone_parse(s.data(), s.size(), "VN", &number) == PHONE_OK && number.valid &&
		   phone_e164(&number, e164) > 0;
}

int
main(int argc, char **argv)
{
	const std::vector<std::string> ascii = {
		"email:an.nguyen@example.com", "email:Binh.Tran+news@Gmail.com",
		"email:customer12345@shop.example.vn", "email:J.Smith@MAIL.example.co.uk"};
	const std::vector<std::string> international = {
		"email:D\xc5\xa9ng@B\xc3\x9c"
		"CHER.example",
		"email:nguy\xe1\xbb\x85n.an@example.vn", "email:\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.cn",
		"email:jos\xc3\xa9@xn--bcher-kva.example"};
	const std::vector<std::string> opaque = {"user_id:42", "cookie:3f2b9c0a7d114e58",
											 "device:0b0e1c2d-9c1e-4b6e-8a53-4d4d0f3c2b1a"};
	const std::vector<std::string> nfc = {"loyalty:kh\xc3\xa1" "ch h\xc3\xa0ng 17",
										  "loyalty:Nguy\xe1\xbb\x85n"};
	std::vector<std::string> numbers = {
		"0912 345 678",	  "+84 912 345 678", "0084912345678",	  "(024) 3825 1234",
		"84912345678",	  "+1 650-253-0000", "+1 416 555 0123",	  "+44 20 7946 0958",
		"+49 30 123456",  "+81 3-1234-5678", "+54 9 11 2345-6789", "0912345678 ext. 12",
		"091234567",	  "+1 876 555 0123", "+39 06 6982 1234",   "01201234567"};
	std::vector<std::string> identifiers;
	char line[1024];

	/* a file of numbers, one a line, replaces the ones above */
	if (argc > 1)
	{
		FILE *f = fopen(argv[1], "r");

		if (f == NULL)
		{
			perror(argv[1]);
			return 1;
		}
		numbers.clear();
		while (fgets(line, sizeof(line), f) != NULL)
			numbers.push_back(std::string(line, strcspn(line, "\n")));
		fclose(f);
	}
	for (const std::string &s : numbers)
		identifiers.push_back("phone:" + s);

	int repeats = (int) (16 * 20000 / numbers.size()) + 1;

	measure("opaque identifier, ASCII", opaque, 200000, identifier);
	measure("opaque identifier, NFC by ICU", nfc, 100000, identifier);
	measure("e-mail identifier, ASCII", ascii, 100000, identifier);
	measure("e-mail identifier, international", international, 20000, identifier);
	measure("phone identifier, region VN, map of 2018", identifiers, repeats, identifier);
	measure("phone: parse, validity and E.164", numbers, repeats, phone);
#ifdef HAVE_LIBPHONENUMBER
	{
		using i18n::phonenumbers::PhoneNumber;
		using i18n::phonenumbers::PhoneNumberUtil;

		Clock::time_point start = Clock::now();
		PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();

		printf("%-46s %9.0f ns\n", "libphonenumber C++: start-up in each process", elapsed(start));
		auto peer = [util](const std::string &s) {
			PhoneNumber number;
			std::string e164;

			if (util->Parse(s, "VN", &number) != PhoneNumberUtil::NO_PARSING_ERROR ||
				!util->IsValidNumber(number))
				return false;
			util->Format(number, PhoneNumberUtil::E164, &e164);
			return true;
		};
		auto parse_only = [util](const std::string &s) {
			PhoneNumber number;

			return util->Parse(s, "VN", &number) == PhoneNumberUtil::NO_PARSING_ERROR;
		};

		measure("libphonenumber C++: parse alone", numbers, repeats / 100 + 1, parse_only);
		measure("libphonenumber C++: parse, validity and E.164", numbers, repeats / 100 + 1, peer);
	}
#else
	printf("libphonenumber is not installed (libphonenumber-dev): nothing to compare with\n");
#endif
	return 0;
}
