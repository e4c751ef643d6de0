/*
 * phone.h
 *	  Phone numbers as libphonenumber reads them.
 */
#ifndef NORMALISE_PHONE_H
#define NORMALISE_PHONE_H

#include "normalise/normalise.h"

#define PHONE_MAX_INPUT 250 /* characters; libphonenumber's own limit */
#define PHONE_MAX_NATIONAL 17
#define PHONE_MAX_E164 (1 + 3 + PHONE_MAX_NATIONAL)

/* The errors are those of libphonenumber's parse. */
typedef enum PhoneStatus
{
	PHONE_OK = 0,
	PHONE_INVALID_COUNTRY_CODE,
	PHONE_NOT_A_NUMBER,
	PHONE_TOO_SHORT_AFTER_IDD,
	PHONE_TOO_SHORT_NSN,
	PHONE_TOO_LONG
} PhoneStatus;

typedef struct PhoneNumber
{
	unsigned country_code;
	char national[PHONE_MAX_NATIONAL + 1]; /* digits of the national significant number */
	unsigned national_len;
	bool possible; /* has a length that the numbering plan knows */
	bool valid;    /* is in a range that the numbering plan has given out */
} PhoneNumber;

/*
 * Reads valid UTF-8. 'region' is two upper-case letters or NULL; unknown
 * letters are as good as none. 'out' is set for PHONE_OK only.
 */
extern PhoneStatus phone_parse(const char *s, size_t len, const char *region, PhoneNumber *out);

/* "+", country calling code and national number; 'out' needs PHONE_MAX_E164 bytes. */
extern size_t phone_e164(const PhoneNumber *number, char *out);

/*
 * Vietnam's change of 2018: an 11-digit mobile number (0 and ten digits) is
 * today's ten-digit one. Changes 'number' and returns true where it is such a
 * number.
 */
extern bool phone_vietnam_2018(PhoneNumber *number);

/* Has libphonenumber a numbering plan for these two upper-case letters? */
extern bool phone_region_known(const char *region);

#endif /* NORMALISE_PHONE_H */
