namespace Mica.Fuzz;

/// <summary>A parser did not keep a promise.</summary>
internal sealed class FuzzFailure(string message) : Exception(message)
{
    public static void Unless(bool kept, string promise)
    {
        if (!kept)
        {
            throw new FuzzFailure(promise);
        }
    }
}
