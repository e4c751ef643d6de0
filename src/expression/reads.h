/*
 * reads.h
 *	  What an expression reads beside columns: keys of traits, computed traits and
 *	  membership of segments.
 */
#ifndef CDP_READS_H
#define CDP_READS_H

#include "expression/expression.h"

/* Functions that read a computed trait. */
#define N_COMPUTED_READERS 5

typedef struct Reads
{
	Workspace *ws;
	AttrNumber traits_column; /* attribute numbers in profiles */
	AttrNumber computed_column;
	AttrNumber segments_column;
	Oid trait_functions[3];                     /* cdp.trait, trait_text, has_trait */
	Oid member_functions[7];                    /* cdp.has_segment and the like, see reads.c */
	Oid computed_functions[N_COMPUTED_READERS]; /* cdp.computed_value and the like, see reads.c */
	Oid computed_at[N_COMPUTED_READERS];        /* the same with an instant */
	Oid computed_operators[N_COMPUTED_READERS]; /* ... and as an operator; InvalidOid: none is */
	Oid bounded;                                /* cdp.bounded, which may stand for the call */
	List *keys;                                 /* of traits: char * */
	List *computed;                             /* names of computed traits: char * */
	char *missing_computed;                     /* a computed trait that does not exist, or null */
	Bitmapset *segments;                        /* by their place in ws->segment_names */
	List *prefixes; /* of segments' names, also of segments defined later: char * */
	char *missing;  /* the name of a segment that does not exist; null: none */
	int n_members;  /* how often it asks for membership, prefixes written out */
} Reads;

extern void reads_begin(Reads *reads, Workspace *ws);

/* If a node reads one key of traits, or membership by name, note that and return true. */
extern bool reads_note_trait(Reads *reads, Node *node);
extern bool reads_note_members(Reads *reads, Node *node);

/*
 * If a node reads a computed trait by a constant name, notes the name and returns its
 * window in days (0: none); else returns -1. Error 42704: there is no such trait.
 */
extern int reads_note_computed(Reads *reads, Node *node);

/*
 * The read of a trait, made a read at an instant; and a read at an instant, back as the
 * user wrote it (null: the node is no such read).
 */
extern Node *reads_computed_at(Reads *reads, Node *node, Node *instant);
extern Node *reads_computed_written(Reads *reads, Node *node);

/* The name of the trait that a read at an instant reads; null: the node is no such read. */
extern char *reads_computed_name(Reads *reads, Node *node);

/* Replaces tests of membership with parameters. */
extern Node *reads_resolve_members(Reads *reads, Node *expression);

#endif /* CDP_READS_H */
