using Mica.Cli.Rendering;

namespace Mica.Cli.Progress;

/// <summary>Docker's bar: <c>[=====&gt;     ]  1.2MB/49MB</c>.</summary>
internal static class ProgressBar
{
    /// <summary>What docker's bar has between its brackets, the head not counted.</summary>
    public const int FullLength = 50;

    /// <summary>Shorter ones say too little to be worth their place.</summary>
    private const int LeastLength = 8;

    /// <summary>The bar and the numbers, or the numbers alone when <paramref name="length"/> is too small.</summary>
    public static string Of(long current, long total, int length)
    {
        string numbers = current > total ? HumanSize.Long(current).PadLeft(8) : $"{HumanSize.Long(current),8}/{HumanSize.Long(total)}";
        if (length < LeastLength || total <= 0)
        {
            return numbers.TrimStart();
        }

        length = Math.Min(length, FullLength);
        int done = (int)(Math.Clamp((double)current / total, 0, 1) * length);
        return $"[{new string('=', done)}>{new string(' ', length - done)}] {numbers}";
    }
}
