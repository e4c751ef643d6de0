/*
 * normalise_test.c
 *	  The normalise stage without a server: structure, e-mail, phone, and what
 *	  must hold for any bytes.
 *
 * links: src/normalise/normalise.c src/normalise/email.c src/normalise/phone.c src/normalise/phone_text.c src/normalise/phone_table.c src/normalise/unicode.c
 */
#include "normalise/normalise.h"
#include "normalise/phone.h"
#include "normalise/phone_table.h"
#include "normalise/unicode.h"

#include <stdlib.h>

#include "tap.h"

static const NormaliseOptions vietnam = {"VN", true};
static const NormaliseOptions vietnam_today = {"VN", false};

/*
 * Normalises the bytes in a block of exactly their size, so that the address
 * sanitizer sees a read beyond them.
 */
static NormaliseStatus
normalise(const char *s, size_t len, const NormaliseOptions *options, NormalisedIdentifier *out)
{
	char *copy = malloc(len > 0 ? len : 1);
	NormaliseStatus status;

	memcpy(copy, s, len);
	status = normalise_identifier(copy, len, options, out);
	free(copy);
	return status;
}

static void
gives(const char *received, const char *canonical)
{
	NormalisedIdentifier out;
	NormalisedIdentifier twice;
	NormaliseStatus status = normalise(received, strlen(received), NULL, &out);

	if (canonical == NULL)
		ok(status == NORMALISE_INVALID && out.text[out.len - 1] == ':', "%s is refused", received);
	else
	{
		is_str(status == NORMALISE_OK ? out.text : "(refused)", canonical, received);
		if (status == NORMALISE_OK)
			ok(normalise(out.text, out.len, NULL, &twice) == NORMALISE_OK && out.len == twice.len &&
			       memcmp(out.text, twice.text, out.len) == 0,
			   "%s is canonical", canonical);
	}
}

static void
fails(const char *received, size_t len, NormaliseStatus expected, const char *name)
{
	NormalisedIdentifier out;

	is_int(normalise(received, len, NULL, &out), expected, name);
}

static void
test_structure(void)
{
	char text[2048];
	NormalisedIdentifier out;

	gives("user_id:42", "user_id:42");
	gives("  User_ID: 42 \r\n", "user_id:42");
	gives("a:b:c", "a:b:c");
	gives("x:aB\xc3\xa9", "x:aB\xc3\xa9");
	gives("x:e\xcc\x81", "x:\xc3\xa9");        /* NFD to NFC */
	gives("x:\xef\xbc\xa1", "x:\xef\xbc\xa1"); /* no NFKC here */
	gives("x:\xe3\x80\x80 a\xc2\xa0"
	      "b \xef\xbb\xbf",
	      "x:a\xc2\xa0"
	      "b"); /* U+3000, U+00A0, U+FEFF */
	gives("\xef\xbb\xbfx:a", "x:a");
	gives("x:a\xcc\xb8", "x:a\xcc\xb8");

	fails("", 0, NORMALISE_NO_NAMESPACE, "nothing");
	fails("abc", 3, NORMALISE_NO_NAMESPACE, "no colon");
	fails(":abc", 4, NORMALISE_NO_NAMESPACE, "nothing before the colon");
	fails("1a:b", 4, NORMALISE_BAD_NAMESPACE, "a digit first");
	fails("_a:b", 4, NORMALISE_BAD_NAMESPACE, "an underscore first");
	fails("a-b:c", 5, NORMALISE_BAD_NAMESPACE, "a hyphen in the namespace");
	fails("a :c", 4, NORMALISE_BAD_NAMESPACE, "a space in the namespace");
	fails("\xc3\xa9:c", 4, NORMALISE_BAD_NAMESPACE, "a namespace beyond ASCII");
	fails("a:", 2, NORMALISE_EMPTY, "no value");
	fails("a: \t\xe2\x80\x83", 7, NORMALISE_EMPTY, "only white space");
	fails("a:b\0c", 5, NORMALISE_CONTROL_CHARACTER, "NUL");
	fails("a:b\tc", 5, NORMALISE_CONTROL_CHARACTER, "a tab");
	fails("a:b\x7f", 4, NORMALISE_CONTROL_CHARACTER, "DEL");
	fails("a:\xc2\x80x", 5, NORMALISE_CONTROL_CHARACTER, "U+0080");
	fails("a:\xc2\x9fx", 5, NORMALISE_CONTROL_CHARACTER, "U+009F");
	fails("a:\xff", 3, NORMALISE_BAD_ENCODING, "FF");
	fails("a:\xc3", 3, NORMALISE_BAD_ENCODING, "half a character");
	fails("a:\xc0\xaf", 4, NORMALISE_BAD_ENCODING, "an overlong form");
	fails("a:\xed\xa0\x80", 5, NORMALISE_BAD_ENCODING, "a surrogate");
	fails("a:\xf4\x90\x80\x80", 6, NORMALISE_BAD_ENCODING, "beyond U+10FFFF");
	fails("email:a\tb@x.vn", 14, NORMALISE_CONTROL_CHARACTER, "a tab in an address");

	memset(text, 'n', sizeof(text));
	text[63] = ':';
	is_int(normalise(text, 65, NULL, &out), NORMALISE_OK, "a namespace of 63 bytes");
	is_int(out.namespace_len, 63, "... has 63 bytes");
	text[63] = 'n';
	text[64] = ':';
	fails(text, 66, NORMALISE_BAD_NAMESPACE, "a namespace of 64 bytes");
	memcpy(text, "a:", 2);
	is_int(normalise(text, 2 + 1024, NULL, &out), NORMALISE_OK, "a value of 1024 bytes");
	is_int(out.len, 1026, "... keeps them");
	fails(text, 2 + 1025, NORMALISE_TOO_LONG, "a value of 1025 bytes");
	text[2 + 1024] = ' ';
	is_int(normalise(text, 2 + 1025, NULL, &out), NORMALISE_OK,
	       "a value of 1024 bytes and a space");
	/* U+FB2C is 3 bytes and 6 in NFC: it grows beyond the limit */
	for (int i = 0; i < 300; i++)
		memcpy(text + 2 + 3 * i, "\xef\xac\xac", 3);
	fails(text, 2 + 900, NORMALISE_TOO_LONG, "900 bytes that are 1800 in NFC");
}

static void
test_email(void)
{
	char address[400];

	/* one mailbox, many spellings */
	gives("email:An@Example.COM", "email:an@example.com");
	gives("EMAIL: an@example.com ", "email:an@example.com");
	gives("email:"
	      "\xef\xbd\x81\xef\xbd\x8e\xef\xbc\xa0\xef\xbd\x85\xef\xbc\x8e\xef\xbd\x96\xef\xbd\x8e",
	      "email:an@e.vn");
	gives("email:D\xc5\xa9ng@B\xc3\x9c"
	      "CHER.example",
	      "email:d\xc5\xa9ng@xn--bcher-kva.example");
	gives("email:d\xc5\xa9ng@XN--BCHER-KVA.example", "email:d\xc5\xa9ng@xn--bcher-kva.example");
	gives("email:Du\xcc\x83ng@bu\xcc\x88"
	      "cher.example",
	      "email:d\xc5\xa9ng@xn--bcher-kva.example");
	gives("email:a@\xe4\xbe\x8b\xe5\xad\x90\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95",
	      "email:a@xn--fsqu00a.xn--0zwm56d");
	gives("email:\"an\"@example.com", "email:an@example.com");
	gives("email:\"a\\n.b\"@example.com", "email:an.b@example.com");
	gives("email:\"A \\B\"@example.com", "email:\"a b\"@example.com");
	/* counter-examples: these are different mailboxes */
	gives("email:a.n@gmail.com", "email:a.n@gmail.com");
	gives("email:an+x@gmail.com", "email:an+x@gmail.com");
	gives("email:stra\xc3\x9f"
	      "e@fa\xc3\x9f.de",
	      "email:stra\xc3\x9f"
	      "e@xn--fa-hia.de");
	gives("email:dung@bucher.example", "email:dung@bucher.example");

	/* RFC 3696, section 3 (and its errata: a backslash quotes only between quotes) */
	gives("email:\"Abc\\@def\"@example.com", "email:\"abc@def\"@example.com");
	gives("email:\"Fred\\ Bloggs\"@example.com", "email:\"fred bloggs\"@example.com");
	gives("email:\"Joe.\\\\Blow\"@example.com", "email:\"joe.\\\\blow\"@example.com");
	gives("email:\"Abc@def\"@example.com", "email:\"abc@def\"@example.com");
	gives("email:\"Fred Bloggs\"@example.com", "email:\"fred bloggs\"@example.com");
	gives("email:user+mailbox@example.com", "email:user+mailbox@example.com");
	gives("email:customer/department=shipping@example.com",
	      "email:customer/department=shipping@example.com");
	gives("email:$A12345@example.com", "email:$a12345@example.com");
	gives("email:!def!xyz%abc@example.com", "email:!def!xyz%abc@example.com");
	gives("email:_somename@example.com", "email:_somename@example.com");
	gives("email:Abc\\@def@example.com", NULL);
	gives("email:Fred\\ Bloggs@example.com", NULL);

	/* RFC 5321 */
	gives("email:postmaster@localhost", "email:postmaster@localhost");
	gives("email:\"\"@example.com", "email:\"\"@example.com");
	gives("email:a@[192.0.2.1]", "email:a@[192.0.2.1]");
	gives("email:a@[IPv6:2001:DB8:0:0:1:0:0:1]", "email:a@[ipv6:2001:db8::1:0:0:1]");
	gives("email:a@[IPv6:::1]", "email:a@[ipv6:::1]");
	gives("email:a@[ipv6:::]", "email:a@[ipv6:::]");
	gives("email:a@[IPv6:1:2:3:4:5:6:7:0]", "email:a@[ipv6:1:2:3:4:5:6:7:0]");
	gives("email:a@[IPv6:1:0:0:4:5:6:0:0]", "email:a@[ipv6:1::4:5:6:0:0]");
	gives("email:a@[IPv6:::ffff:192.0.2.1]", "email:a@[ipv6:::ffff:c000:201]");
	gives("email:a@r3---sn.example", "email:a@r3---sn.example");
	gives("email:a@123.example", "email:a@123.example");
	gives("email:a@[192.0.2.256]", NULL);
	gives("email:a@[192.0.2.01]", NULL);
	gives("email:a@[x:y]", NULL);
	gives("email:a@[]", NULL);
	gives("email:a@[192.0.2.1", NULL);
	gives("email:a@192.0.2.1", NULL);
	gives("email:@example.com", NULL);
	gives("email:a@", NULL);
	gives("email:a", NULL);
	gives("email:@", NULL);
	gives("email:a@b@c", NULL);
	gives("email:.a@x.vn", NULL);
	gives("email:a.@x.vn", NULL);
	gives("email:a..b@x.vn", NULL);
	gives("email:a b@x.vn", NULL);
	gives("email:a(c)@x.vn", NULL);
	gives("email:An <a@x.vn>", NULL);
	gives("email:<a@x.vn>", NULL);
	gives("email:a@x.vn,b@x.vn", NULL);
	gives("email:mailto:a@x.vn", NULL);
	gives("email:\"a@x.vn", NULL);
	gives("email:a\"b@x.vn", NULL);
	gives("email:\"a\"b\"@x.vn", NULL);
	gives("email:\"a\\\"@x.vn", NULL);
	gives("email:\"@x.vn", NULL);
	gives("email:a@-x.vn", NULL);
	gives("email:a@x-.vn", NULL);
	gives("email:a@x..vn", NULL);
	gives("email:a@.vn", NULL);
	gives("email:a@x.vn.", NULL);
	gives("email:a@x_y.vn", NULL);
	gives("email:a@x y.vn", NULL);

	/* RFC 6531: beyond ASCII, but nothing that nobody sees */
	gives("email:\xe7\x94\xa8\xe6\x88\xb7@example.com",
	      "email:\xe7\x94\xa8\xe6\x88\xb7@example.com");
	gives("email:\"\xc3\x89 b\"@x.vn", "email:\"\xc3\xa9 b\"@x.vn");
	gives("email:\xce\x9f\xce\xa3@x.gr", "email:\xce\xbf\xcf\x82@x.gr"); /* final sigma */
	gives("email:\xc4\xb0@x.tr", "email:i\xcc\x87@x.tr"); /* root locale, not Turkish */
	gives("email:\xd9\x85\xe2\x80\x8c\xd9\x86@x.ir",
	      "email:\xd9\x85\xe2\x80\x8c\xd9\x86@x.ir"); /* joiner */
	gives("email:a\xe2\x80\xae"
	      "b@x.vn",
	      NULL); /* right-to-left override */
	gives("email:a\xe2\x80\x8b"
	      "b@x.vn",
	      NULL); /* zero width space */
	gives("email:a\xc2\xad"
	      "b@x.vn",
	      NULL); /* soft hyphen */
	gives("email:a\xc2\xa0"
	      "b@x.vn",
	      NULL);                             /* no-break space */
	gives("email:a\xee\x80\x80@x.vn", NULL); /* private use */
	gives("email:a\xef\xbf\xbf@x.vn", NULL); /* not a character */
	gives("email:a@x\xe2\x80\xae.vn", NULL);
	gives("email:a@xn--bcher-kvb.example", NULL); /* punycode of nothing */
	gives("email:a@xn--.example", NULL);
	gives("email:a@xn--a.example", NULL);
	gives("email:a@\xd7\x90"
	      "1a.example",
	      NULL);                               /* bidi rule */
	gives("email:\"a\\\xc3\xa9\"@x.vn", NULL); /* a quoted pair is ASCII */

	/* lengths: 64, 63, 254 */
	strcpy(address, "email:");
	memset(address + 6, 'a', 64);
	strcpy(address + 70, "@x.vn");
	gives(address, address);
	memset(address + 6, 'a', 65);
	strcpy(address + 71, "@x.vn");
	gives(address, NULL);
	strcpy(address, "email:a@");
	memset(address + 8, 'b', 63);
	strcpy(address + 71, ".vn");
	gives(address, address);
	memset(address + 8, 'b', 64);
	strcpy(address + 72, ".vn");
	gives(address, NULL);
	strcpy(address, "email:a@");
	for (int i = 0; i < 4; i++)
	{
		memset(address + 8 + 63 * i, 'c', 62);
		address[8 + 63 * i + 62] = '.';
	}
	address[8 + 252 - 1] = '\0'; /* a domain of 251, an address of 253 */
	gives(address, address);
	strcpy(address + 8 + 251, "c"); /* 254 */
	gives(address, address);
	strcpy(address + 8 + 251, "cc");
	gives(address, NULL);
}

static void
key(const char *email, const char *expected)
{
	char out[NORMALISE_MAX_VALUE + 1];

	out[normalise_email_match_key(email, strlen(email), out)] = '\0';
	is_str(out, expected, email);
}

static void
test_match_key(void)
{
	key("a.n@gmail.com", "an@gmail.com");
	key("a.n+news@googlemail.com", "an@gmail.com");
	key("an+a+b@outlook.com", "an@outlook.com");
	key("a.n@outlook.com", "a.n@outlook.com");
	key("a.n@icloud.com", "a.n@icloud.com");
	key("a.n+x@example.com", "a.n+x@example.com");
	key("a.n@gmail.com.vn", "a.n@gmail.com.vn");
	key("a.n@mail.com", "a.n@mail.com");
	key("a.n+x@notgmail.com", "a.n+x@notgmail.com");
	key("+x@gmail.com", "+x@gmail.com");
	key("\"a.b c\"@gmail.com", "\"a.b c\"@gmail.com");
	key("an.+x@outlook.com", "an.+x@outlook.com");
	key("an.+x@gmail.com", "an@gmail.com");
	key("an-x@yahoo.com", "an-x@yahoo.com");
	key("an+x@protonmail.ch", "an@protonmail.com");
	key("an+x@zohomail.com", "an@zohomail.com");
	key("an+x@fastmail.com", "an@fastmail.com");
}

static void
phone(const char *received, const NormaliseOptions *options, const char *canonical)
{
	NormalisedIdentifier out;
	char text[300];
	NormaliseStatus status;

	snprintf(text, sizeof(text), "phone:%s", received);
	status = normalise(text, strlen(text), options, &out);
	is_str(status == NORMALISE_OK ? out.text + 6 : "-", canonical, received);
}

static void
test_phone(void)
{
	/* Vietnam's plan of 2018, both ways */
	static const char *const moved[][2] = {
	    {"0120", "70"}, {"0121", "79"}, {"0122", "77"}, {"0126", "76"}, {"0128", "78"},
	    {"0123", "83"}, {"0124", "84"}, {"0125", "85"}, {"0127", "81"}, {"0129", "82"},
	    {"0162", "32"}, {"0163", "33"}, {"0164", "34"}, {"0165", "35"}, {"0166", "36"},
	    {"0167", "37"}, {"0168", "38"}, {"0169", "39"}, {"0186", "56"}, {"0188", "58"},
	    {"0199", "59"},
	};
	char old[32];
	char today[32];

	phone("+84 912 345 678", NULL, "+84912345678");
	phone("0912.345.678", &vietnam_today, "+84912345678");
	phone("912345678", &vietnam_today, "+84912345678");
	phone("84912345678", &vietnam_today, "+84912345678");
	phone("0084 912345678", &vietnam_today, "+84912345678");
	phone("(+84) 0912-345-678 ext. 12", &vietnam_today, "+84912345678");
	phone("\xef\xbc\x90\xef\xbc\x99\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94\xef\xbc\x95\xef"
	      "\xbc\x96"
	      "\xef\xbc\x97\xef\xbc\x98",
	      &vietnam_today, "+84912345678");
	phone("\xd9\xa0\xd9\xa9\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6\xd9\xa7\xd9\xa8",
	      &vietnam_today, "+84912345678");
	phone("0912345678", NULL, "-");
	phone("84912345678", NULL, "-");
	phone("0084912345678", NULL, "-");
	phone("+84 912 345 67", NULL, "-");
	phone("+84 112 345 678", NULL, "-");
	phone("+999 123 456 789", NULL, "-");
	phone("+1 650 253 0000", &vietnam, "+16502530000");
	phone("+39 06 6982 1234", NULL, "+390669821234"); /* Italy keeps its zero */
	phone("1-800-FLOWERS", &(NormaliseOptions){"US", false}, "+18003569377");
	phone("hello", &vietnam, "-");
	phone("5211 222 1234 5678", &(NormaliseOptions){"MX", false}, "-");

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
	{
		snprintf(old, sizeof(old), "%s3456789", moved[i][0]);
		snprintf(today, sizeof(today), "+84%s3456789", moved[i][1]);
		phone(old, &vietnam, today);
		phone(old, &vietnam_today, "-");
		snprintf(old, sizeof(old), "+84%s3456789", moved[i][0] + 1);
		phone(old, &vietnam, today);
	}
	phone("01303456789", &vietnam, "-");
	phone("0120345678", &vietnam, "-");
	phone("+1 120 345 6789", &vietnam, "-");

	ok(phone_region_known("VN") && !phone_region_known("ZZ") && !phone_region_known("vn"),
	   "regions are known");
	ok(phone_metadata_version[0] != '\0', "the metadata's version is recorded");
	ok(phone_state_count * sizeof(phone_states[0]) +
	           phone_program_words * sizeof(phone_programs[0]) +
	           phone_region_count * sizeof(PhoneRegion) <
	       1024 * 1024,
	   "the table is below 1 MB");
}

/*
 * Bytes put together at random from what the parsers look for. The result is
 * canonical, and canonicalising it again changes nothing.
 */
static void
test_random(void)
{
	static const char *const pieces[] = {
	    "email:",
	    "phone:",
	    "x:",
	    "a",
	    "B",
	    "@",
	    ".",
	    "\"",
	    "\\",
	    "+",
	    "84",
	    "1",
	    "0",
	    " ",
	    "xn--",
	    "-",
	    "[",
	    "]",
	    "ipv6:",
	    ":",
	    "\xc3\x9f",
	    "\xcc\x81",
	    "\xef\xbc\xa0",
	    "\xe2\x80\xae",
	    "\xef\xac\x81",
	    "\xe3\x80\x82",
	    "\xce\xa3",
	    "\xc4\xb0",
	    "\xef\xbc\x91",
	    "x12",
	    "#",
	    ";ext=",
	    ";phone-context=",
	    "\xff",
	    "\xe1\xba\xbf",
	    "\xd7\x90",
	    "9123456",
	    "\xef\xbd\x81",
	    "\xcd\xba",
	    "\xe2\x84\xa6",
	};
	unsigned long long seed = 1;
	int restless = 0;
	int accepted = 0;

	for (int i = 0; i < 200000; i++)
	{
		char text[512] = "";
		NormalisedIdentifier once;
		NormalisedIdentifier twice;
		int n;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		n = (int) (seed >> 60) + 2;
		strcat(text, pieces[(seed >> 40) % 3]);
		for (int k = 0; k < n; k++)
		{
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			strcat(text, pieces[(seed >> 33) % (sizeof(pieces) / sizeof(pieces[0]))]);
		}
		if (normalise(text, strlen(text), &vietnam, &once) != NORMALISE_OK)
			continue;
		accepted++;
		if (normalise(once.text, once.len, NULL, &twice) != NORMALISE_OK || once.len != twice.len ||
		    memcmp(once.text, twice.text, once.len) != 0)
		{
			printf("# %s gives %s gives %s\n", text, once.text, twice.text);
			restless++;
		}
	}
	is_int(restless, 0, "canonicalising twice is canonicalising once");
	ok(accepted > 10000, "%d random identifiers were accepted", accepted);
}

int
main(void)
{
	test_structure();
	test_email();
	test_match_key();
	test_phone();
	test_random();
	return done_testing();
}
