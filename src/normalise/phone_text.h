/*
 * phone_text.h
 *	  From text to digits: what phone.c needs before it looks at numbering
 *	  plans.
 */
#ifndef NORMALISE_PHONE_TEXT_H
#define NORMALISE_PHONE_TEXT_H

#include "normalise/phone.h"

/*
 * The text as code points, each with its kinds (phone_text.c) and its value as
 * a digit. The window [start, end) of it may be a number.
 */
typedef struct PhoneText
{
	uint32_t c[PHONE_MAX_INPUT + 1];
	uint8_t kind[PHONE_MAX_INPUT + 1];
	uint8_t digit[PHONE_MAX_INPUT + 1]; /* 0-9, for DIGIT only */
	int start;
	int end;
} PhoneText;

/* Digits only; room for what a national prefix's transform adds. */
typedef struct PhoneDigits
{
	uint8_t d[PHONE_MAX_INPUT + 8];
	int len;
} PhoneDigits;

/*
 * Reads valid UTF-8 and cuts out what may be a number. False if the text has
 * more than PHONE_MAX_INPUT characters.
 */
extern bool phone_text_read(const char *text, size_t len, PhoneText *out);

/* Does [start, end) look like a phone number? */
extern bool phone_text_viable(const PhoneText *text, int end);

/* Drops the extension. */
extern void phone_text_strip_extension(PhoneText *text);

/* The place behind the plus signs at 'from', which is 'from' where there are none. */
extern int phone_text_skip_plus(const PhoneText *text, int from);

/*
 * The digits from 'from' to the end. With three ASCII letters or more it is a
 * vanity number: letters become digits, and only ASCII digits count. Else
 * letters are dropped.
 */
extern void phone_text_digits(const PhoneText *text, int from, PhoneDigits *out);

#endif /* NORMALISE_PHONE_TEXT_H */
