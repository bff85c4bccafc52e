/*-------------------------------------------------------------------------
 *
 * later.c
 *	  Simulated events, told to the worker when their time has come.
 *
 * A binary heap ordered by due time, then by arrival: hundreds of thousands
 * may wait, one or two for each text of a fast loopback campaign.
 *
 * src/courier/later.c
 *
 *-------------------------------------------------------------------------
 */
#include "later.h"

#include <stdlib.h>

#include "link.h"

/* While so much waits for the worker, events wait too. */
#define LATER_BACKLOG (1024 * 1024)

typedef struct Later
{
	uint64_t due;
	uint64_t arrival;
	uint32_t gateway;
	HookEvent *event;
} Later;

static Later *heap;
static size_t n_heap;
static size_t heap_size;
static uint64_t arrivals;

static bool
before(const Later *a, const Later *b)
{
	return a->due != b->due ? a->due < b->due : a->arrival < b->arrival;
}

void
later_add(uint32_t gateway, uint64_t now, const SimulatedEvent *simulated)
{
	Later later = {.due = now + simulated->delay_ms,
				   .arrival = arrivals++,
				   .gateway = gateway,
				   .event = xalloc(sizeof(HookEvent))};
	size_t hole = n_heap++;

	*later.event = simulated->event;
	if (n_heap > heap_size)
	{
		heap_size = heap_size ? heap_size * 2 : 1024;
		heap = xrealloc(heap, heap_size * sizeof(Later));
	}
	for (; hole > 0 && before(&later, &heap[(hole - 1) / 2]);
		 hole = (hole - 1) / 2)
		heap[hole] = heap[(hole - 1) / 2];
	heap[hole] = later;
}

static Later
take_first(void)
{
	Later first = heap[0];
	Later last = heap[--n_heap];
	size_t hole = 0;

	for (size_t child; (child = 2 * hole + 1) < n_heap; hole = child)
	{
		if (child + 1 < n_heap && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[hole] = heap[child];
	}
	heap[hole] = last;
	return first;
}

int
later_run(uint64_t now)
{
	while (n_heap > 0 && heap[0].due <= now)
	{
		Later later;

		if (wire_pending(&link_out) > LATER_BACKLOG)
			return -1; /* the worker's reading will wake us */
		later = take_first();
		wire_begin(&link_out, WIRE_WEBHOOK);
		wire_put_u64(&link_out, 0);
		wire_put_u32(&link_out, later.gateway);
		wire_put_u32(&link_out, WIRE_PROOF_NONE);
		wire_put_u32(&link_out, 0); /* signatures */
		wire_put_u32(&link_out, 0); /* signed strings */
		wire_put_str(&link_out, "{}");
		wire_put_str(&link_out, ""); /* raw body */
		wire_put_u32(&link_out, 1);
		event_put(&link_out, later.event);
		link_end();
		event_free(later.event);
		free(later.event);
	}
	if (n_heap == 0)
		return -1;
	return heap[0].due - now < 60000 ? (int) (heap[0].due - now) : 60000;
}
