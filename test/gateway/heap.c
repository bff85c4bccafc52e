/*-------------------------------------------------------------------------
 *
 * heap.c
 *	  A binary heap of things that are due.
 *
 * Serves delayed answers and pending callbacks alike; it owns the array and
 * never the items.
 *
 * test/gateway/heap.c
 *
 *-------------------------------------------------------------------------
 */
#include "gateway.h"

static bool
sooner(const HeapEntry *a, const HeapEntry *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	return a->serial < b->serial;
}

void
heap_push(Heap *heap, int64_t due, void *item)
{
	HeapEntry entry = {due, heap->serial++, item};
	size_t i = heap->count++;

	if (heap->count > heap->size)
	{
		heap->size = heap->size ? 2 * heap->size : 64;
		heap->entries = xrealloc(heap->entries, heap->size * sizeof(HeapEntry));
	}

	for (; i > 0; i = (i - 1) / 2)
	{
		HeapEntry *parent = &heap->entries[(i - 1) / 2];

		if (!sooner(&entry, parent))
			break;
		heap->entries[i] = *parent;
	}
	heap->entries[i] = entry;
}

/* Take the soonest; the heap must not be empty. */
void *
heap_pop(Heap *heap)
{
	void *item = heap->entries[0].item;
	HeapEntry last = heap->entries[--heap->count];
	size_t i = 0;

	for (;;)
	{
		size_t child = 2 * i + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
			sooner(&heap->entries[child + 1], &heap->entries[child]))
			child++;
		if (!sooner(&heap->entries[child], &last))
			break;
		heap->entries[i] = heap->entries[child];
		i = child;
	}
	if (heap->count > 0)
		heap->entries[i] = last;
	return item;
}

int64_t
heap_due(const Heap *heap)
{
	return heap->count > 0 ? heap->entries[0].due : INT64_MAX;
}
