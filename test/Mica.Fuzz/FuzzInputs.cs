namespace Mica.Fuzz;

/// <summary>The inputs for one target: its seeds, then mutations without end. An input depends on the seed and its number alone.</summary>
internal sealed class FuzzInputs
{
    private readonly FuzzTarget _target;
    private readonly IReadOnlyList<byte[]> _seeds;
    private readonly Mutator _mutator;
    private readonly int _seed;

    /// <param name="target">Who gets them.</param>
    /// <param name="seed">Another one makes other inputs.</param>
    /// <param name="more">Seeds beside the target's own.</param>
    public FuzzInputs(FuzzTarget target, int seed, IReadOnlyList<byte[]> more)
    {
        _target = target;
        _seed = seed;
        _seeds = [.. target.Seeds, .. more];
        _mutator = new Mutator(_seeds, target.Words);
    }

    public byte[] this[long number]
    {
        get
        {
            if (number < _seeds.Count)
            {
                return _seeds[(int)number];
            }

            var random = new Random(HashOf(_seed, number));
            return _target.Generate(_mutator, random) ?? _target.Repair(_mutator.Make(random), random);
        }
    }

    /// <summary>The same in every process, as <see cref="HashCode"/> is not.</summary>
    private static int HashOf(int seed, long number)
    {
        ulong hash = ((ulong)(uint)seed << 32) ^ (ulong)number ^ 0x9e3779b97f4a7c15;
        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
        return (int)(hash ^ (hash >> 31));
    }
}
