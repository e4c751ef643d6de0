/*
 * phone_table.h
 *	  The numbering plans of the world as constants. phone_table.py makes
 *	  phone_table.c from libphonenumber's metadata. All processes share its
 *	  pages, and no work is done at start.
 */
#ifndef NORMALISE_PHONE_TABLE_H
#define NORMALISE_PHONE_TABLE_H

/* One region's numbering plan, or that of a calling code without a region. */
typedef struct PhoneRegion
{
	char code[4];                         /* two letters, or "001" */
	unsigned short country_code;          /* country calling code */
	unsigned short start;                 /* state before the first digit, with its accepts */
	unsigned short international_prefix;  /* program, 0 = none */
	unsigned short national_prefix;       /* program, 0 = none */
	unsigned short leading_digits;        /* program, 0 = none: tells regions of one code apart */
	unsigned char transform;              /* of phone_transforms, 0 = the prefix is dropped */
	unsigned char national_prefix_groups; /* groups of the national prefix's pattern, 0 to 2 */
	unsigned int lengths;                 /* bit n: national numbers may have n digits */
	unsigned int local_lengths;           /* the same, for numbers without their area code */
} PhoneRegion;

extern const char phone_metadata_version[];
extern const PhoneRegion phone_regions[]; /* by calling code, a code's main region first */
extern const unsigned int phone_region_count;

/* Index of phone_regions, 255 = none. */
extern const unsigned char phone_region_of_calling_code[1000];
extern const unsigned char phone_region_of_letters[26 * 26];

/*
 * What replaces a national prefix's match; the bytes 1 and 2 stand for the
 * matches of its groups.
 */
extern const char phone_transforms[][8];

/*
 * Whole national numbers: one automaton. An entry is the number of the next
 * state and, in the upper two bits, that state's accepts. State 0 is dead.
 */
#define PHONE_STATE(entry) ((entry) &0x3fff)
#define PHONE_GENERAL 1 /* the digits so far match the region's general description */
#define PHONE_VALID 2   /* and are a valid number */
#define PHONE_ACCEPTS(entry) ((entry) >> 14)

extern const unsigned short phone_states[][10];
extern const unsigned int phone_state_count;

/*
 * Prefixes: programs of 16-bit words, the operation in the upper bits.
 *	 CLASS	the next digit is one of this set (bit n: digit n); go on
 *	 SPLIT	try the next word first; where that fails, the word so far ahead
 *	 JUMP	go on that far ahead
 *	 SAVE	remember the place: 0, 1 start and end of group 1; 2, 3 of group 2
 *	 END	the number ends here; go on
 *	 MATCH	done
 * No program has a loop.
 */
#define PHONE_OPERATION(word) ((word) &0xc000)
#define PHONE_CLASS 0x0000
#define PHONE_SPLIT 0x4000
#define PHONE_JUMP 0x8000
#define PHONE_SAVE 0xc000
#define PHONE_END 0xc100
#define PHONE_MATCH 0xc200

extern const unsigned short phone_programs[];
extern const unsigned int phone_program_words;

#define PHONE_MAX_SPLITS 128 /* of one program; the matcher's stack */

#endif /* NORMALISE_PHONE_TABLE_H */
