using System.Globalization;
using System.Text;
using Mica.Oci;

namespace Mica.Fuzz;

/// <summary>One input to one target, judged.</summary>
internal static class FuzzCase
{
    /// <summary>What is wrong; null when the target kept its promises.</summary>
    public static Exception? Judge(FuzzTarget target, byte[] input)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Accepts(() => target.Run(input));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            FuzzFailure.Unless(allocated <= target.MaxAllocated, $"{input.Length} bytes of input make it allocate {allocated}");
            return null;
        }
        catch (Exception problem)
        {
            return problem;
        }
    }

    /// <summary>Whether the input is accepted. A refusal must be fit to be shown.</summary>
    public static bool Accepts(Action parse)
    {
        try
        {
            parse();
            return true;
        }
        catch (MicaException refusal)
        {
            CheckMessage(refusal);
            return false;
        }
    }

    /// <summary>One line, of bounded length, without anything that a terminal would act upon.</summary>
    public static void CheckMessage(MicaException refusal)
    {
        bool printable = refusal.Message.EnumerateRunes().All(rune => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
            or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator));
        FuzzFailure.Unless(printable, $"the message of a refusal has control characters: {Printable.Of(refusal.Message)}\n{refusal.StackTrace}");
        FuzzFailure.Unless(refusal.Message.Length is > 0 and < 8192, $"the message of a refusal has {refusal.Message.Length} characters\n{refusal.StackTrace}");
    }
}
